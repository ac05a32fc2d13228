"""Folds that a run had fitted when it was stopped, kept beside it for the same run to go on from.

Enters: the fold tasks and everything else that decides a bit of their results. Leaves: one file a fold
(npz, its JSON inside), written whole or not at all, under the identity of the run; those of another identity
are removed. What a run computes on is always what was read back, so a run that was stopped and one that
was not have the same bits.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import is_dataclass
from pathlib import Path

import numpy as np

import feature_cache
import fuse
from feature_cache.canonical import sha256_of_json
from fuse import fitting
from fuse.features.feature_sets import ChosenSet
from fuse.features.plain_values import Arrays, from_plain, to_plain
from fuse.fitting import FoldResult, FoldTask

logger = logging.getLogger(__name__)

_TOLD = "told"


class KeptFolds:
    """The results of some folds, by their position among the tasks, in a folder of their own."""

    def __init__(self, place: Path, identity: str) -> None:
        self._folder = place / identity
        #: Where further results of the same run are kept.
        self.beside = self._folder / "beside"
        self._identity = identity
        for other in place.iterdir() if place.is_dir() else ():
            if other != self._folder:
                shutil.rmtree(other)

    def __len__(self) -> int:
        """Return how many folds are kept."""
        return len(list(self._folder.glob("*.npz")))

    def keep(self, position: int, result: FoldResult) -> None:
        """Write the result of one fold."""
        arrays: Arrays = {}
        told = {"identity": self._identity, "result": to_plain(result, arrays)}
        arrays[_TOLD] = np.array(json.dumps(told))
        self._folder.mkdir(parents=True, exist_ok=True)
        beside = self._folder / f".{position}.part"
        with beside.open("wb") as stream:
            np.savez(stream, allow_pickle=False, **arrays)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(self._path(position))

    def read(self, position: int) -> FoldResult | None:
        """Return the result of one fold, None where it is not kept or its file is damaged (logged)."""
        path = self._path(position)
        if not path.is_file():
            return None
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                arrays = dict(file)
        except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
            logger.warning("%s cannot be read (%s): the fold is fitted again", path, error)
            return None
        told = json.loads(str(arrays[_TOLD]))
        if told["identity"] != self._identity:
            return None
        classes = {name: one for name, one in vars(fitting).items() if is_dataclass(one)}
        result: FoldResult = from_plain(told["result"], arrays, classes)
        return result

    def _path(self, position: int) -> Path:
        return self._folder / f"{position}.npz"


def identity_of(
    tasks: Sequence[FoldTask], chosen: Mapping[str, ChosenSet], folds_sha256: str, versions: Mapping[str, str]
) -> str:
    """Return the sha256 (hex) of all that decides the results: tasks, entries, folds, versions and code."""
    arrays: Arrays = {}
    told = json.dumps([to_plain(task, arrays) for task in tasks])
    digest = hashlib.sha256(told.encode("utf-8"))
    for array in arrays.values():
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return sha256_of_json(
        {
            "tasks": digest.hexdigest(),
            "entries": {label: one.entries_sha256 for label, one in chosen.items()},
            "folds": folds_sha256,
            "versions": dict(versions),
            "code": _sha256_of_code([Path(*fuse.__path__), Path(*feature_cache.__path__)]),
        }
    )


def _sha256_of_code(packages: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for package in packages:
        for path in sorted(package.rglob("*.py")):
            digest.update(path.relative_to(package).as_posix().encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
