"""The files of one entry: how a draft becomes a folder, and how a folder proves to be what was committed.

Enters: a draft, or a folder below the root of a cache. Leaves: a folder whose `entry.json` was written
last, or a record and arrays in which every byte was compared with what the record promises. What is wrong
is a `DamagedEntryError` that names the entry and the part. Where the folder stands is `commit.py`'s matter.
"""

from __future__ import annotations

import base64
import hashlib
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from feature_cache import entry_json
from feature_cache.array_format import (
    DTYPES,
    AnyArray,
    FormatName,
    array_bytes,
    array_format,
    array_from_bytes,
    array_sha256,
    little_endian,
)
from feature_cache.canonical import Json, sha256_of_file
from feature_cache.durability import sync_file, sync_folder
from feature_cache.entry import REQUIRED_ARRAYS, SCHEMA_VERSION, ArrayRecord, EntryDraft, EntryRecord
from feature_cache.entry_contents import EntryContents, damaged
from feature_cache.errors import CacheError
from feature_cache.names import entry_path
from feature_cache.probe import probe_arrays
from feature_cache.recipe import ResolvedRecipe
from feature_cache.value_names import NAMES, unpack_names

#: An array of a vector entry of up to this many bytes lives inside entry.json.
INLINE_BYTES = 2**16

#: What file browsers leave in a folder that somebody looked at; never part of an entry.
IGNORED = frozenset([".DS_Store", "Thumbs.db", "desktop.ini"])

_ARRAY_NAME = re.compile("[a-z][a-z0-9_]{0,63}")


def check_draft(draft: EntryDraft) -> None:
    """Raise `CacheError` where a draft cannot become an entry: another recipe, or not its kind's arrays."""
    if _recipe_hash(draft.key.recipe_name, draft.key.modality, draft.settings) != draft.key.recipe_hash:
        raise CacheError(
            str(draft.key),
            expected="settings whose hash is the recipe hash of the key",
            got="settings of another recipe",
            remedy="Take both from one ResolvedRecipe.",
        )
    for name, array in draft.arrays.items():
        if not _ARRAY_NAME.fullmatch(name) or array.dtype.name not in DTYPES:
            raise CacheError(
                f"{draft.key}: array {name!r}",
                expected=f"a name like embeddings and one of {', '.join(sorted(DTYPES))}",
                got=f"dtype {array.dtype.name}",
                remedy="Mend the encoder that made it.",
            )
    needed = REQUIRED_ARRAYS[draft.kind]
    lengths = {draft.arrays[name].shape[:1] if name in draft.arrays else None for name in needed}
    if len(lengths) > 1 or lengths & {None, ()}:
        raise CacheError(
            f"{draft.key}: arrays",
            expected=f"{', '.join(needed)} with first axes of one length",
            got=", ".join(f"{name} {draft.arrays[name].shape}" for name in needed if name in draft.arrays)
            or "none",
            remedy=f"Mend the encoder that made it: a {draft.kind} has them all.",
        )
    if draft.kind == "vector" and NAMES in draft.arrays:
        values, names = len(draft.arrays["values"]), len(unpack_names(draft.arrays[NAMES]))
        if values != names:
            raise CacheError(
                f"{draft.key}: array {NAMES}",
                expected=f"a name for each of {values} values",
                got=f"{names}",
                remedy="Mend what made it.",
            )


def write_entry(folder: Path, draft: EntryDraft, form: FormatName) -> None:
    """Write a draft into an empty folder and bring every byte to the disk, `entry.json` last.

    Raises
    ------
    CacheError
        Something of the draft is not JSON, or is NaN.
    OSError
        The disk did not take it.
    """
    arrays = {name: little_endian(array) for name, array in draft.arrays.items()}
    inline = {
        name for name, array in arrays.items() if draft.kind == "vector" and array.nbytes <= INLINE_BYTES
    }
    filed = {name: array for name, array in arrays.items() if name not in inline}
    if filed:
        array_format(form).write(folder, filed)
    files: dict[str, Json] = {}
    for path in _files(folder):
        sync_file(path)
        files[path.relative_to(folder).as_posix()] = {
            "bytes": path.stat().st_size,
            "sha256": sha256_of_file(path),
        }
    body: dict[str, Json] = {
        "schema_version": SCHEMA_VERSION,
        "cohort": draft.key.cohort,
        "modality": draft.key.modality,
        "recipe_name": draft.key.recipe_name,
        "recipe_hash": draft.key.recipe_hash,
        "case_id": draft.key.case_id,
        "item_id": draft.key.item_id,
        "kind": draft.kind,
        "settings": draft.settings,
        "sources": [source.model_dump() for source in draft.sources],
        "used": draft.used,
        "attrs": draft.attrs,
        "array_format": form if filed else "inline",
        "arrays": {name: _array_record(array, name in inline) for name, array in arrays.items()},
        "files": files,
        "quality": draft.quality,
        "warnings": list(draft.warnings),
        "probe": probe_arrays(arrays),
    }
    try:
        raw = entry_json.seal_document(body)
    except (ValueError, TypeError) as error:
        raise CacheError(
            str(draft.key),
            expected="settings, attrs, used and quality of plain JSON, without NaN",
            got=f"something else ({type(error).__name__})",
            remedy="Leave out what is not known; turn numpy numbers into Python's.",
        ) from error
    if len(raw) > entry_json.MOST_BYTES:
        raise CacheError(
            str(draft.key),
            expected=f"an entry.json of at most {entry_json.MOST_BYTES:,} bytes",
            got=f"{len(raw):,}",
            remedy="Store what is long as an array.",
        )
    for inner in sorted(path for path in folder.rglob("*") if path.is_dir()):
        sync_folder(inner)
    (folder / entry_json.FILE).write_bytes(raw)
    sync_file(folder / entry_json.FILE)
    sync_folder(folder)


def read_record(root: Path, folder: Path) -> EntryRecord:
    """Return the record of the entry in `folder`, below `root`; only `entry.json` is read.

    Raises
    ------
    DamagedEntryError
        `entry.json` is absent, unreadable, altered, of another schema, of another place than this
        folder, or with settings that do not give its recipe hash.
    """
    where = folder.relative_to(root).as_posix()
    record = open_record(folder, where)
    try:
        place = entry_path(record.key).as_posix()
    except CacheError as error:
        raise damaged(where, "ids", error.expected, error.got) from error
    _refuse_another_recipe(where, place)
    if place != where:
        raise damaged(where, "ids", "the ids of this folder", "those of another entry")
    if _recipe_hash(record.recipe_name, record.modality, record.settings) != record.recipe_hash:
        raise damaged(where, "settings", "settings whose hash is the recipe hash", "others")
    return record


def _refuse_another_recipe(where: str, place: str) -> None:
    """Say mixed recipes by name: an entry that was copied or moved into the folder of another feature set."""
    (*_, here, case, item), (*_, there, its_case, its_item) = where.split("/"), place.split("/")
    if (case, item) == (its_case, its_item) and here[-12:] != there[-12:]:
        raise damaged(where, "another recipe", f"recipe {here[-12:]}", f"recipe {there[-12:]}")


def open_record(folder: Path, where: str) -> EntryRecord:
    """Return what `entry.json` in `folder` says, sealed and of this schema, wherever the folder stands.

    `where` names the folder in the `DamagedEntryError` that is raised where there is no such record.
    """
    try:
        size = (folder / entry_json.FILE).stat().st_size
        if size > entry_json.MOST_BYTES:
            raise damaged(where, entry_json.FILE, f"at most {entry_json.MOST_BYTES:,} bytes", f"{size:,}")
        raw = (folder / entry_json.FILE).read_bytes()
    except FileNotFoundError as error:
        raise damaged(where, entry_json.FILE, "this file", "no such file") from error
    except OSError as error:
        raise damaged(where, entry_json.FILE, "a readable file", error.strerror or "a failed read") from error
    try:
        return EntryRecord.model_validate(entry_json.open_document(raw))
    except ValidationError as error:
        got = f"{error.error_count()} fields that are not so"
        raise damaged(where, entry_json.FILE, f"a record of schema {SCHEMA_VERSION}", got) from error
    except ValueError as error:
        raise damaged(where, entry_json.FILE, "the record as it was committed", str(error)) from error


def check_sizes(root: Path, folder: Path, record: EntryRecord) -> None:
    """Raise `DamagedEntryError` unless exactly the recorded files are there, each of its size."""
    where = folder.relative_to(root).as_posix()
    try:
        sizes = {path.relative_to(folder).as_posix(): _plain_size(path) for path in _files(folder)}
    except OSError as error:
        raise damaged(where, "files", "a folder that can be listed", type(error).__name__) from error
    if sizes.pop(entry_json.FILE, -1) < 0:
        raise damaged(where, entry_json.FILE, "a plain file", "none")
    for name in sorted(record.files.keys() | sizes.keys()):
        if name not in sizes:
            raise damaged(where, name, "this file", "no such file")
        if name not in record.files:
            raise damaged(where, name, "the recorded files alone", "one more file")
        if sizes[name] != record.files[name].bytes:
            raise damaged(where, name, f"{record.files[name].bytes} bytes", f"{sizes[name]} bytes")


def read_arrays(root: Path, folder: Path, record: EntryRecord) -> dict[str, AnyArray]:
    """Return the arrays of an entry after comparing every file and every array with the record.

    Raises
    ------
    DamagedEntryError
        A file is missing, added, of another size or content; an array is unreadable or another one.
    """
    check_sizes(root, folder, record)
    where = folder.relative_to(root).as_posix()
    contents = EntryContents(folder, where, record.files)
    arrays = {}
    for name, promised in record.arrays.items():
        try:
            arrays[name], found = _read_array(contents, name, promised, record)
        except ValueError as error:
            raise damaged(where, f"array {name}", "the array as it was committed", str(error)) from error
        if found != promised.sha256:
            raise damaged(where, f"array {name}", "the recorded sha256", "other values")
    contents.check_others()
    return arrays


def _read_array(
    contents: EntryContents, name: str, promised: ArrayRecord, record: EntryRecord
) -> tuple[AnyArray, str]:
    """Return one array and the sha256 of its bytes."""
    if promised.dtype not in DTYPES or not _ARRAY_NAME.fullmatch(name) or min(promised.shape, default=0) < 0:
        raise ValueError("a name, shape or dtype that no array of an entry has")
    layout = (promised.shape, promised.dtype)
    if promised.data is not None:
        array = array_from_bytes(base64.b64decode(promised.data, validate=True), layout)
        return array, array_sha256(array)
    if record.array_format == "inline":
        raise ValueError("no data in entry.json")
    # both forms keep arrays uncompressed, and give what was never written as zeros
    held = sum(file.bytes for file in record.files.values())
    if math.prod(promised.shape) * np.dtype(promised.dtype).itemsize > held:
        raise ValueError(f"more bytes than the {held:,} of its files")
    return array_format(record.array_format).read(contents, name, layout)


def _array_record(array: AnyArray, inline: bool) -> dict[str, Json]:
    raw = array_bytes(array)
    return {
        "shape": list(array.shape),
        "dtype": array.dtype.name,
        "sha256": hashlib.sha256(raw).hexdigest(),
        "data": base64.b64encode(raw).decode() if inline else None,
    }


def _recipe_hash(name: str, modality: str, settings: dict[str, Json]) -> str:
    try:
        return ResolvedRecipe(name=name, modality=modality, settings=settings).hash
    except (ValidationError, ValueError, TypeError):
        return "settings that are not JSON have none"


def _files(folder: Path) -> Iterator[Path]:
    """Yield everything below a folder that is not a folder, sorted; links are not followed."""
    for item in sorted(os.scandir(folder), key=lambda item: item.name):
        path = folder / item.name
        if item.is_dir(follow_symlinks=False):
            yield from _files(path)
        elif item.name not in IGNORED:
            yield path


def _plain_size(path: Path) -> int:
    """Return the size of a plain file, and -1 for a link or a device, which no record promises."""
    return path.lstat().st_size if path.is_file() and not path.is_symlink() else -1
