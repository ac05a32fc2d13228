"""The raw file that a cell of a table names: below the root, or an error.

Enters: the root given at run time and the text of a cell. Leaves: a path that may be opened. Nothing outside
the root is ever opened, neither by an absolute path or `..` nor through a link.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from feature_cache.errors import SourceError


def find_file(root: Path, text: str, where: str, *, folders: bool = False) -> Path:
    """Return the file that `text` names below `root`; `where` names table, case and item.

    With `folders` it may be a folder (of DICOM) as well.

    Raises
    ------
    SourceError
        The path leads out of the root, or there is no such file.
    """
    relative = PurePosixPath(text)
    if relative.is_absolute() or ".." in relative.parts or "\0" in text:
        raise SourceError(
            where,
            expected="a path below the root",
            got="an absolute path or one with ..",
            remedy="Write it relative to the root.",
        )
    path = root / text
    if not path.resolve().is_relative_to(root.resolve()):
        raise SourceError(
            where,
            expected="a path below the root",
            got="a link that leads out of it",
            remedy="Copy the file below the root, or give the folder that holds both as root.",
        )
    if not path.is_file() and not (folders and path.is_dir()):
        raise SourceError(
            where,
            expected=f"the file {relative.name}",
            got="no such file",
            remedy="Complete the download, or mend path or root.",
        )
    return path
