"""What a volume is made of, for "done": a file's hash, or that of all files that a path to DICOM stands for.

Enters: a role, its path. Leaves: one `Source`. Which slices belong to a series only all of its folder can
say: a file that is added, taken away or changed there makes the study anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from extract.item import HashFile
from extract.volumes.dicom_files import files_beside
from extract.volumes.header import unreadable
from extract.volumes.stored import DECODING_ERRORS
from feature_cache.canonical import Json, sha256_of_json
from feature_cache.entry import Source


def source_of(role: str, path: Path, where: str, hash_file: HashFile) -> Source:
    """Return the source behind a path; `SourceError` where a folder cannot be listed.

    A file alone is its own hash. Of DICOM it is the hash of names (below the folder) and hashes together.
    """
    try:
        files = files_beside(path)
    except DECODING_ERRORS as error:
        raise unreadable(where, error) from error
    if files == (path,) and path.is_file():
        return Source(role=role, sha256=hash_file(path), bytes=path.stat().st_size)
    folder = path if path.is_dir() else path.parent
    hashes: list[Json] = [[file.relative_to(folder).as_posix(), hash_file(file)] for file in files]
    return Source(role=role, sha256=sha256_of_json(hashes), bytes=sum(file.stat().st_size for file in files))


def bytes_of(paths: Iterable[Path]) -> int:
    """Return the bytes of all files behind some paths, each counted once."""
    return sum(file.stat().st_size for file in {file for path in paths for file in files_beside(path)})
