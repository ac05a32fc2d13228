"""A folder that belongs to one task: begun once, gone on with by the same task, refused to every other.

Enters: a folder, and what the task is. Leaves: a file that says so, and files that are whole or not there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from feature_cache.canonical import Json
from feature_cache.durability import sync_file
from feature_cache.errors import RecipeError


def begin_folder(path: Path, name: str, identity: Mapping[str, Json], task: str) -> None:
    """Make a folder for a task, or look whether it is the one in which this task was begun.

    Parameters
    ----------
    name
        Of the file in it that says what the task is.
    identity
        What must be the same for the task to go on.
    task
        What people call it, such as `fit`.

    Raises
    ------
    RecipeError
        Something else is in it; the message says what differs.
    """
    asked = json.dumps(dict(identity), indent=1, sort_keys=True) + "\n"
    held = path / name
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        path.mkdir(parents=True, exist_ok=True)
        write_whole(held, asked)
    elif not held.is_file() or held.read_text(encoding="utf-8") != asked:
        raise RecipeError(
            f"--out {path.name}",
            expected=f"a new folder, or one in which this {task} was begun",
            got=_difference(path, held, identity, task),
            remedy="Give another folder.",
        )


def write_whole(path: Path, text: str) -> None:
    """Write a file of text: whole or not at all."""
    beside = path.with_name(f".{path.name}.part")
    beside.write_text(text, encoding="utf-8", newline="\n")
    sync_file(beside)
    beside.replace(path)


def _difference(path: Path, held: Path, identity: Mapping[str, Json], task: str) -> str:
    if not held.is_file():
        return "other files" if path.is_dir() else "a file"
    try:
        before = json.loads(held.read_text(encoding="utf-8"))
    except ValueError:
        return f"a {held.name} that is damaged"
    if not isinstance(before, dict):
        return f"a {held.name} that is damaged"
    asked = json.loads(json.dumps(dict(identity)))
    differing = sorted(key for key in {*before, *asked} if before.get(key) != asked.get(key))
    return f"another {task} (it differs in {', '.join(differing)})"
