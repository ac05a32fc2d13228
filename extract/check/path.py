"""Whether a path of a table names a file below the root.

Enters: the text of a cell. Leaves: a path, or the problem. Nothing outside the root is ever opened.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from feature_cache.errors import Problem, table_error


def find_file(root: Path, text: str, where: str) -> Path | Problem:
    """Return the file, or the row that says why there is none; `where` names table, case and item."""
    relative = PurePosixPath(text)
    if relative.is_absolute() or ".." in relative.parts:
        return table_error(
            where,
            "a path below the root",
            "an absolute path or one with ..",
            "Write it relative to the root.",
        )
    path = root / text
    if not path.is_file():
        return table_error(
            where, f"the file {text}", "no such file", "Complete the download, or mend path or root."
        )
    return path
