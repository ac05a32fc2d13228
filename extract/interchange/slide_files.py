"""One slide's files at a neighbour: opened safely, hashed, and asked what they tell.

Enters: the files that `layout.py` found. Leaves: their hashes, what they tell of their making, and the um
of the slide's own pixels where somebody knows it. Done in a child process: the files are anybody's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from extract.interchange.bag import Told
from extract.interchange.layout import FoundFile, name_of
from extract.interchange.neighbour import find_neighbour
from extract.paths import find_file
from feature_cache.canonical import canonical_json, sha256_of_json
from feature_cache.entry import Source
from feature_cache.errors import BraidError, Problem, SourceError
from feature_cache.store import FeatureCache
from feature_cache.tables import SlideRow

#: By how much the two axes of a slide may differ for one mpp to stand for both.
_SQUARE = 0.01


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a look at a slide's files gives: their hashes, what they tell, and the slide's own mpp if known.

    `mpp_source` says who told the mpp: manifest, or the slide itself; `size_px0` is known where the slide was
    opened for it.
    """

    files: tuple[Source, ...]
    told: Told | None = None
    slide_mpp: float | None = None
    mpp_source: str | None = None
    size_px0: tuple[int, int] | None = None
    problem: Problem | None = None


@dataclass(frozen=True, kw_only=True)
class SlideTask:
    """One slide with its files: all that a child needs.

    `dtype` is what Braid's own export says that the embeddings were, None for files of anybody else.
    """

    source: str
    row: SlideRow
    files: Mapping[str, FoundFile]
    root: Path | None
    dtype: str | None = None
    seen: Seen | None = None

    @property
    def where(self) -> str:
        """Name the slide and its main file for people."""
        return name_of(self.row, next(iter(self.files)), self.files)

    @property
    def sources(self) -> tuple[Source, ...]:
        """What the entry is made of: the files, and what else changes its arrays."""
        assert self.seen is not None
        facts = {"slide_mpp": self.seen.slide_mpp, "exported_dtype": self.dtype}
        return (*self.seen.files, *(_fact(role, value) for role, value in facts.items() if value is not None))

    def paths(self) -> dict[str, Path]:
        """Return the files that may be opened; `SourceError` for one that is a link out of its folder."""
        return {role: find_file(file.folder, file.path, self.where) for role, file in self.files.items()}


def look_at(task: SlideTask, cache: FeatureCache) -> Seen | Problem:
    """Hash a slide's files and read what they tell; files that tell nothing sound are hashed all the same."""
    try:
        paths = task.paths()
        files = tuple(
            Source(role=role, sha256=cache.hash_file(path), bytes=path.stat().st_size)
            for role, path in sorted(paths.items())
        )
    except BraidError as error:
        return error.as_problem()
    try:
        told = find_neighbour(task.source).look(paths, task.where)
        slide_mpp, mpp_source, size_px0 = _slide(task)
    except BraidError as error:
        return Seen(files=files, problem=error.as_problem())
    return Seen(files=files, told=told, slide_mpp=slide_mpp, mpp_source=mpp_source, size_px0=size_px0)


def _fact(role: str, value: float | str) -> Source:
    return Source(role=role, sha256=sha256_of_json(value), bytes=len(canonical_json(value)))


def _slide(task: SlideTask) -> tuple[float | None, str | None, tuple[int, int] | None]:
    """Return the um of a level-0 pixel, who told it, and the slide's size in level-0 pixels.

    slides.csv tells the mpp, else the slide below `root`, which tells its size too, else nobody.
    """
    if task.row.mpp is not None:
        return task.row.mpp, "manifest", None
    if task.root is None:
        return None, None, None
    from extract.slides.reader import open_slide

    where = f"case {task.row.case_id}, slide {task.row.slide_id}"
    with open_slide(find_file(task.root, task.row.path, where)) as reader:
        size_px0 = reader.size_px0
        if reader.mpp is None:
            return None, None, size_px0
        across, down = reader.mpp
        if abs(across / down - 1) > _SQUARE:
            raise SourceError(
                where,
                expected="square pixels, as features of other programs have no other",
                got=f"{across:g} by {down:g} um",
                remedy="Encode this slide with `python -m extract run`.",
            )
        return across, reader.mpp_source, size_px0
