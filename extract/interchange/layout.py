"""Which files of a neighbour belong to which slide.

Enters: a folder as the neighbour left it, and rows of slides.csv. Leaves: for each slide its files by their
part, as paths below the folder, or the problem that it has none or several. Files are known by name alone: a
neighbour's name is the slide file's without its ending, ours is the slide's id.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from feature_cache.errors import ManifestError, Problem, table_error
from feature_cache.names import encode_name
from feature_cache.tables import SlideRow

_COMPOUND = (".ome.tif", ".ome.tiff", ".ome.zarr")


@dataclass(frozen=True, kw_only=True)
class Part:
    """One kind of file that a slide has at a neighbour.

    `pattern` is where it lies, from the folder, and `ending` what follows the slide's name. One that is
    `beside` lies in the folder of positions, which not every user has. Of parts of one role, one is enough.
    """

    role: str
    pattern: str
    ending: str
    needed: bool = True
    beside: bool = False


@dataclass(frozen=True, kw_only=True)
class FoundFile:
    """A file by the folder that it must stay in and its path below it."""

    folder: Path
    path: str


#: The files of one slide, by role.
Files = Mapping[str, FoundFile]


@dataclass(frozen=True, kw_only=True)
class Matched:
    """What a folder has for a cohort: files by slide, what is wrong with the others, files of no slide."""

    files: dict[SlideRow, Files]
    problems: dict[SlideRow, Problem]
    others: int


def match_files(
    rows: Sequence[SlideRow], parts: Sequence[Part], folder: Path, beside: Path | None
) -> Matched:
    """Give every slide its files.

    Raises
    ------
    ManifestError
        A folder is none.
    """
    for name, place in (("FOLDER", folder), ("--coordinates", beside)):
        if place is not None and not place.is_dir():
            raise ManifestError(
                f"{name} {place.name}",
                expected="a folder",
                got="no such folder",
                remedy="Name where the files are.",
            )
    held = {part: _by_stem(part, beside if part.beside else folder) for part in parts}
    first = next(part.role for part in parts if part.needed)
    claims: Counter[FoundFile] = Counter()
    candidates: dict[SlideRow, dict[str, list[FoundFile]]] = {}
    for row in rows:
        roles: dict[str, list[FoundFile]] = defaultdict(list)
        for part, by_stem in held.items():
            named = [file for stem in _stems(row) for file in by_stem.get(stem, ())]
            roles[part.role] += _on_its_way(row, named, part.ending)
        candidates[row] = roles
        claims.update(roles[first])
    files: dict[SlideRow, Files] = {}
    problems: dict[SlideRow, Problem] = {}
    for row, roles in candidates.items():
        problem = _fault(row, roles, parts, claims)
        if problem is None:
            files[row] = {role: found[0] for role, found in roles.items() if found}
        else:
            problems[row] = problem
    there = {
        file
        for part, by_stem in held.items()
        if part.role == first
        for one in by_stem.values()
        for file in one
    }
    return Matched(files=files, problems=problems, others=len(there - claims.keys()))


def name_of(row: SlideRow, role: str, files: Files) -> str:
    """Name a slide and one of its files for people: no folder of the path, which can name persons."""
    return f"case {row.case_id}, slide {row.slide_id}, {PurePosixPath(files[role].path).name}"


def _on_its_way(row: SlideRow, named: list[FoundFile], ending: str) -> list[FoundFile]:
    """Return of several files of a name those that lie in folders as the slide does, all where none do.

    STAMP keeps the folders of the slides, in which files of different cases can share a name.
    """
    slide = f"/{PurePosixPath(row.path).with_suffix('')}"
    fitting = [
        file for file in named if "/" in file.path and slide.endswith(f"/{file.path.removesuffix(ending)}")
    ]
    return fitting if len(named) > 1 and fitting else named


def _fault(
    row: SlideRow,
    roles: Mapping[str, list[FoundFile]],
    parts: Sequence[Part],
    claims: Mapping[FoundFile, int],
) -> Problem | None:
    where = f"case {row.case_id}, slide {row.slide_id}"
    for part in parts:
        found = roles[part.role]
        names = ", ".join(sorted(PurePosixPath(file.path).name for file in found))
        if not found and part.needed:
            expected = f"a file {part.pattern} named after the slide"
            return table_error(where, expected, "none", "Complete the folder, or mend slide_id or path.")
        if len(found) > 1:
            remedy = "Leave one: the newest is not always the right one."
            return table_error(where, f"one file of its {part.role}", f"{len(found)} ({names})", remedy)
        if any(claims[file] > 1 for file in found if file in claims):
            remedy = "Give the slides ids of their own and name the files after them."
            return table_error(
                where, f"a file of this slide alone ({names})", "one that fits two slides", remedy
            )
    return None


def _by_stem(part: Part, folder: Path | None) -> dict[str, list[FoundFile]]:
    found: dict[str, list[FoundFile]] = defaultdict(list)
    for path in sorted(folder.glob(part.pattern)) if folder is not None else ():
        if path.name.endswith(part.ending) and not path.name.startswith("."):
            assert folder is not None
            place = FoundFile(folder=folder, path=path.relative_to(folder).as_posix())
            found[path.name.removesuffix(part.ending)].append(place)
    return found


def _stems(row: SlideRow) -> list[str]:
    """Return the names that a slide's files may have, each once."""
    name = PurePosixPath(row.path).name
    compound = next((name[: -len(end)] for end in _COMPOUND if name.lower().endswith(end)), "")
    stems = (row.slide_id, encode_name(row.slide_id), PurePosixPath(name).stem, compound)
    return [stem for stem in dict.fromkeys(stems) if stem]
