"""Tensors and numpy arrays in files of their own (.pt, .npz, .npy), and the JSON beside them.

Enters: a path. Leaves: arrays, or a `SourceError` that names slide and file. No pickle is run: a .pt holds
tensors alone, and an array of objects is refused.
"""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from extract.encoders.weights import load_pickled
from extract.interchange.archive_errors import ARCHIVE_ERRORS
from extract.interchange.h5_file import MOST_ARRAY_BYTES
from extract.limits import MOST_RECORD_BYTES, refuse_large_file
from feature_cache.array_format import AnyArray
from feature_cache.errors import RecipeError, SourceError

_TORCH = "Install torch 2.13 for your platform: .pt files are its own."


def read_pt(path: Path, where: str) -> AnyArray:
    """Return the one tensor of a .pt file; bfloat16, which numpy lacks, as the same numbers in float32.

    Raises
    ------
    SourceError
        The file is damaged or holds something else than one tensor; torch is not installed.
    """
    torch = _torch(where)
    refuse_large_file(path, where, MOST_ARRAY_BYTES)
    try:
        content = load_pickled(path)
    except RecipeError as error:
        raise _unlike(where, f"one tensor in {path.name}", error.got) from error
    if not isinstance(content, torch.Tensor) or content.is_sparse or content.is_complex():
        raise _unlike(where, f"one tensor in {path.name}", f"a {type(content).__name__}")
    plain = content.detach().float() if content.dtype == torch.bfloat16 else content.detach()
    return np.asarray(plain.contiguous().numpy())


def write_pt(path: Path, array: AnyArray, where: str) -> None:
    """Write one array as a tensor."""
    torch = _torch(where)
    torch.save(torch.from_numpy(np.array(array, order="C")), path)


def read_npy(path: Path, where: str) -> AnyArray:
    """Return a .npy file; `SourceError` where it is damaged, too large or holds objects."""
    try:
        with path.open("rb") as stream:
            _refuse_large_array(stream, where)
            stream.seek(0)
            return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise _unlike(
            where, f"an array in {path.name}", f"one that cannot be read ({_kind(error)})"
        ) from error


def read_npz(path: Path, where: str) -> dict[str, AnyArray]:
    """Return all arrays of a .npz by name; `SourceError` where one is damaged, too large or of objects."""
    arrays = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if member.flag_bits & 1:
                    raise _unlike(where, f"arrays in {path.name}", "one behind a password")
                with archive.open(member) as stream:
                    _refuse_large_array(stream, where)
                with archive.open(member) as stream:
                    name = member.filename.removesuffix(".npy")
                    arrays[name] = np.lib.format.read_array(stream, allow_pickle=False)
    except (ValueError, *ARCHIVE_ERRORS) as error:
        raise _unlike(where, f"arrays in {path.name}", f"one that cannot be read ({_kind(error)})") from error
    return arrays


def read_json(path: Path, where: str) -> dict[str, Any]:
    """Return the object in a small JSON file; `SourceError` where there is none."""
    refuse_large_file(path, where, MOST_RECORD_BYTES)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _unlike(where, f"an object of JSON in {path.name}", f"no JSON ({_kind(error)})") from error
    if not isinstance(content, dict):
        raise _unlike(where, f"an object of JSON in {path.name}", f"a {type(content).__name__}")
    return content


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write an object as readable JSON with sorted keys."""
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _refuse_large_array(stream: IO[bytes], where: str) -> None:
    """Look at the header alone: what it promises is allocated before a byte of it is read."""
    version = np.lib.format.read_magic(stream)
    header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if header is None:
        raise ValueError(f"version {version}")
    shape, _, dtype = header(stream)
    if math.prod(shape) * dtype.itemsize > MOST_ARRAY_BYTES:
        raise _unlike(where, f"an array of at most {MOST_ARRAY_BYTES:,} bytes", f"shape {shape}")


def _torch(where: str) -> Any:
    try:
        import torch
    except (ImportError, OSError) as error:
        raise SourceError(
            where, expected="torch, for a .pt file", got="none that can be imported", remedy=_TORCH
        ) from error
    return torch


def _kind(error: Exception) -> str:
    return type(error).__name__


def _unlike(where: str, expected: str, got: str) -> SourceError:
    return SourceError(where, expected=expected, got=got, remedy="Copy it again, or name its program.")
