"""A cohort's manifest: cohort.yaml and its input tables. Ids are strings, always.

Enters: a folder of manifest tables. Leaves: a frozen `Cohort`, or every problem that was found in it.
outcomes.csv and folds.csv are not opened here: outcomes have one door, and it is in `fuse`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from feature_cache.card import CohortCard, read_card
from feature_cache.errors import ManifestError, Problem, table_error
from feature_cache.tables import (
    CaseRow,
    MaskRow,
    MeasurementRow,
    NoteRow,
    SeriesRow,
    SlideRow,
    read_clinical,
    read_rows,
)

REPOSITORY_MANIFESTS = Path(__file__).parent.parent / "data_manifests"


@dataclass(frozen=True, kw_only=True)
class Cohort:
    """A manifest as read. `clinical` maps case id -> column -> text as it came (or ABSENT / NULL / blank).

    `moment` names the moment of the card at which a prediction is made, None for the prediction day.
    """

    folder: Path
    card: CohortCard
    cases: tuple[CaseRow, ...]
    slides: tuple[SlideRow, ...] = ()
    series: tuple[SeriesRow, ...] = ()
    masks: tuple[MaskRow, ...] = ()
    notes: tuple[NoteRow, ...] = ()
    measurements: tuple[MeasurementRow, ...] = ()
    clinical: dict[str, dict[str, str]]
    moment: str | None = None

    def at(self, moment: str | None) -> Cohort:
        """Return the cohort as it is when the prediction is made at a moment of its card.

        Raises
        ------
        ManifestError
            The card has no such moment.
        """
        return self if moment is None else replace(self, card=self.card.at(moment), moment=moment)

    @property
    def name(self) -> str:
        """The cohort's name, the first folder of its entries in a cache."""
        return self.card.name

    @property
    def case_ids(self) -> tuple[str, ...]:
        """All case ids, in the order of cases.csv."""
        return tuple(row.case_id for row in self.cases)


def find_cohort(name_or_folder: str) -> Path:
    """Return the folder of a cohort given as a folder or as a name under data_manifests/."""
    for folder in (Path(name_or_folder), REPOSITORY_MANIFESTS / name_or_folder):
        if (folder / "cohort.yaml").is_file():
            return folder
    raise ManifestError(
        name_or_folder,
        expected="a folder with a cohort.yaml, or a name under data_manifests/",
        got="neither",
        remedy="Draft one with `python -m extract scan`.",
    )


def read_cohort(folder: Path) -> Cohort:
    """Read a manifest and raise `ManifestError` on the first problem of its tables (gaps are let pass)."""
    cohort, problems = inspect_cohort(folder)
    for problem in problems:
        if problem.level == "error":
            raise ManifestError(
                problem.where, expected=problem.expected, got=problem.got, remedy=problem.remedy
            )
    return cohort


def inspect_cohort(folder: Path) -> tuple[Cohort, list[Problem]]:
    """Read a manifest and return it with every problem of its tables. An unreadable card still raises."""
    card = read_card(folder / "cohort.yaml")
    problems: list[Problem] = list(card.gaps())
    cohort = Cohort(
        folder=folder,
        card=card,
        cases=read_rows(folder / "cases.csv", CaseRow, problems, required=True),
        slides=read_rows(folder / "slides.csv", SlideRow, problems),
        series=read_rows(folder / "series.csv", SeriesRow, problems),
        masks=read_rows(folder / "masks.csv", MaskRow, problems),
        notes=read_rows(folder / "notes.csv", NoteRow, problems),
        measurements=read_rows(folder / "measurements.csv", MeasurementRow, problems),
        clinical=read_clinical(folder / "clinical.csv", problems),
    )
    problems.extend(_consistency(cohort))
    return cohort, problems


def _consistency(cohort: Cohort) -> Iterator[Problem]:
    yield from _cases(cohort)
    yield from _items(cohort)
    yield from _columns(cohort)
    yield from _scores(cohort)


def _cases(cohort: Cohort) -> Iterator[Problem]:
    for case_id, count in Counter(cohort.case_ids).items():
        if count > 1:
            yield table_error(
                f"cases.csv: case {case_id}", "one row a case", f"{count} rows", "Keep one row."
            )
        if not case_id:
            yield table_error("cases.csv", "an id in every row", "an empty case_id", "Give it an id.")


def _items(cohort: Cohort) -> Iterator[Problem]:
    known = set(cohort.case_ids)
    tables: tuple[tuple[str, list[tuple[str, str]]], ...] = (
        ("slides.csv", [(row.case_id, row.slide_id) for row in cohort.slides]),
        ("series.csv", [(row.case_id, f"{row.study_id}/{row.series_id}") for row in cohort.series]),
        ("notes.csv", [(row.case_id, row.note_id) for row in cohort.notes]),
        ("masks.csv", [(row.case_id, _mask_name(row)) for row in cohort.masks]),
    )
    for name, keys in tables:
        for (case_id, item), count in Counter(keys).items():
            if count > 1:
                yield table_error(
                    f"{name}: case {case_id}, {item}", "one row an item", f"{count} rows", "Rename one."
                )
            if case_id not in known:
                yield _unknown_case(name, case_id)
    for name, ids in (
        ("clinical.csv", sorted(cohort.clinical)),
        ("measurements.csv", sorted({row.case_id for row in cohort.measurements})),
    ):
        yield from (_unknown_case(name, case_id) for case_id in ids if case_id not in known)


def _mask_name(row: MaskRow) -> str:
    """Name a row of masks.csv: a region may be drawn on several frames of a series over time."""
    return f"{row.study_id}/{row.region}" + (f" of frame {row.frame}" if row.frame is not None else "")


def _columns(cohort: Cohort) -> Iterator[Problem]:
    card = cohort.card
    for name in sorted(set(card.variables) & set(card.excluded)):
        yield table_error(
            f"cohort.yaml: variables.{name}",
            "no feature that is an outcome or a treatment in disguise",
            f"{name} is listed under excluded as well ({card.excluded[name]})",
            "Take it out of variables.",
        )
    declared = set(card.variables) | set(card.excluded) | set(card.ignored)
    columns = sorted({column for row in cohort.clinical.values() for column in row})
    measured = {row.variable for row in cohort.measurements}
    for name in (column for column in columns if column not in declared):
        yield table_error(
            f"clinical.csv: {name}",
            "a column that cohort.yaml declares",
            "an unknown column",
            "Declare it under variables, excluded or ignored.",
        )
    for name in sorted(measured - set(card.variables)):
        yield table_error(
            f"measurements.csv: {name}", "a variable of cohort.yaml", "an unknown variable", "Declare it."
        )
    if cohort.clinical:
        for name in sorted(set(card.variables) - set(columns) - measured):
            yield table_error(
                f"cohort.yaml: variables.{name}",
                "a column of clinical.csv",
                "no such column",
                "Mend the name.",
            )


def _scores(cohort: Cohort) -> Iterator[Problem]:
    for score, inputs in cohort.card.risk_scores.items():
        for wanted, name in inputs.items():
            if name not in cohort.card.variables:
                yield table_error(
                    f"cohort.yaml: risk_scores.{score}.{wanted}",
                    "a variable of this card",
                    f"none is called {name}",
                    "Mend the name.",
                )


def _unknown_case(table: str, case_id: str) -> Problem:
    return table_error(
        f"{table}: case {case_id}", "a case of cases.csv", "an unknown case", "Add or remove it."
    )
