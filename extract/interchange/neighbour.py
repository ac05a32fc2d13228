"""The neighbours whose feature files can come in and go out. A new one is a file and a line here.

Enters: a name. Leaves: what reads and writes that neighbour's files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from extract.interchange import chimera, clam, slide2vec, stamp, trident
from extract.interchange.bag import IncomingBag, OutgoingBag, Told
from extract.interchange.layout import Part
from feature_cache.errors import RecipeError


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """One format: which files a slide has, and how they are looked at, read and written.

    `look` tells what the files say of their making without reading their features; `read` also needs the
    slide's mpp where positions are in micrometres. Both raise `SourceError` and name the slide with `where`.
    """

    name: str
    parts: tuple[Part, ...]
    look: Callable[[dict[str, Path], str], Told]
    read: Callable[[dict[str, Path], float | None, str], IncomingBag]
    write: Callable[[Path, OutgoingBag, str], None]


_MODULES = (trident, clam, stamp, slide2vec, chimera)

NEIGHBOURS = {
    module.NAME: Neighbour(
        name=module.NAME, parts=module.PARTS, look=module.look, read=module.read, write=module.write
    )
    for module in _MODULES
}


def find_neighbour(name: str) -> Neighbour:
    """Return the neighbour of this name; `RecipeError` lists those that are known.

    The format is never guessed from the files: several of them look alike.
    """
    if name not in NEIGHBOURS:
        raise RecipeError(
            f"format {name}",
            expected=f"one of {', '.join(NEIGHBOURS)}",
            got="a name that is none of them",
            remedy="Name the program that wrote the files.",
        )
    return NEIGHBOURS[name]
