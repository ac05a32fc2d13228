"""Opens the raw files of a cohort, a row or a study at a time, each in a child process under caps.

Enters: a cohort and the root. Leaves: the problems of all its files, in the order of the tables. A header
that takes its decoder down, or makes it allocate without end, is one more row; the others are looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from extract.caps import header_caps, header_workers
from extract.check.notes import note_problems
from extract.check.slides import slide_problems
from extract.check.volumes import volume_problems
from extract.pool import Death, run_capped
from feature_cache.cohort import Cohort
from feature_cache.errors import Problem
from feature_cache.tables import MaskRow, SeriesRow


@dataclass(frozen=True, kw_only=True)
class _Look:
    """What one child looks at: `rows` is the cohort with nothing but this row, or the rows of one study."""

    where: str
    find: Callable[[Cohort, Path], Iterable[Problem]]
    rows: Cohort


def file_problems(cohort: Cohort, root: Path) -> list[Problem]:
    """Return every problem of slides, volumes and notes; warnings that are alike are one row."""
    workers = header_workers()
    found: dict[int, list[Problem]] = {}
    looks = enumerate(_looks(cohort))
    with closing(run_capped(partial(_look, root=root), looks, header_caps(workers), workers)) as outcomes:
        for (number, look), outcome in outcomes:
            found[number] = [_lost(look, outcome)] if isinstance(outcome, Death) else outcome
    return _summed_up(problem for number in sorted(found) for problem in found[number])


def _look(numbered: tuple[int, _Look], root: Path) -> list[Problem]:
    look = numbered[1]
    return list(look.find(look.rows, root))


def _looks(cohort: Cohort) -> Iterator[_Look]:
    bare = replace(cohort, cases=(), slides=(), series=(), masks=(), notes=(), measurements=(), clinical={})
    for slide in cohort.slides:
        where = f"slides.csv: case {slide.case_id}, slide {slide.slide_id}"
        yield _Look(where=where, find=slide_problems, rows=replace(bare, slides=(slide,)))
    of_volumes: tuple[SeriesRow | MaskRow, ...] = (*cohort.series, *cohort.masks)
    studies: dict[tuple[str, str], list[SeriesRow | MaskRow]] = {}
    for row in of_volumes:
        studies.setdefault((row.case_id, row.study_id), []).append(row)
    for (case_id, study_id), rows in studies.items():
        series = tuple(row for row in rows if isinstance(row, SeriesRow))
        masks = tuple(row for row in rows if isinstance(row, MaskRow))
        where = f"series.csv: case {case_id}, study {study_id}"
        yield _Look(where=where, find=volume_problems, rows=replace(bare, series=series, masks=masks))
    for note in cohort.notes:
        where = f"notes.csv: case {note.case_id}, note {note.note_id}"
        yield _Look(where=where, find=note_problems, rows=replace(bare, notes=(note,)))


def _summed_up(problems: Iterable[Problem]) -> list[Problem]:
    """Return errors once each, and one row for all warnings that differ in nothing but their place."""
    rows: dict[Problem, list[Problem]] = {}
    for problem in problems:
        alike = problem if problem.fails else replace(problem, where="")
        rows.setdefault(alike, []).append(problem)
    return [
        first if first.fails or not more else replace(first, where=f"{first.where} and {len(more)} more")
        for first, *more in rows.values()
    ]


def _lost(look: _Look, death: Death) -> Problem:
    return death.as_problem(
        look.where,
        "files whose headers can be opened",
        "Look at the files and fetch them again; stage 1 would lose this item in the same way.",
    )
