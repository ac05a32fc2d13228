"""What series.csv and masks.csv say of a study, on its way through a work item.

Enters: a cohort's rows. Leaves: files by role and plain facts for an item; and, in the worker, the same as
typed values with files that may be opened, and the day at which the study is known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from extract.item import WorkItem
from feature_cache.canonical import Json
from feature_cache.cohort import Cohort
from feature_cache.errors import SourceError
from feature_cache.tables import SeriesRow


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SeriesFact(_Fact):
    """A row of series.csv: `sequence` in lower case; `day` as the card assumes it where the row has none."""

    role: str
    sequence: str
    day: int | None
    spacing_mm: str | None


class MaskFact(_Fact):
    """A row of masks.csv."""

    role: str
    region: str
    codebook: str | None


class StudyFacts(_Fact):
    """A study as the manifest has it. `expected`: sequences of the recipe, or of the whole cohort."""

    series: tuple[SeriesFact, ...]
    masks: tuple[MaskFact, ...]
    expected: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class StudyRows:
    """A study's ids, its files by role, and the facts as plain JSON: what makes a work item."""

    case_id: str
    study_id: str
    files: dict[str, str]
    facts: dict[str, Json]


@dataclass(frozen=True, kw_only=True)
class SeriesFile:
    """A series with its file; `where` names case, study and file for people."""

    sequence: str
    path: Path
    where: str
    spacing_mm: str | None = None


@dataclass(frozen=True, kw_only=True)
class MaskFile:
    """A mask with its file."""

    region: str
    path: Path
    where: str
    codebook: str | None = None


def sequence_of(row: SeriesRow) -> str:
    """Return the sequence of a row as it is compared and stored: in lower case."""
    return row.sequence.strip().lower()


def studies_of(cohort: Cohort, sequences: tuple[str, ...] | None) -> Iterator[StudyRows]:
    """Yield every study with a series of these sequences (None: any), in the order of series.csv.

    Masks belong to all of them; a day that is not there is the one that the card assumes.
    """
    rows: dict[tuple[str, str], list[SeriesRow]] = defaultdict(list)
    for row in cohort.series:
        if sequences is None or sequence_of(row) in sequences:
            rows[row.case_id, row.study_id].append(row)
    expected = sequences or tuple(sorted({sequence_of(row) for row in cohort.series}))
    undated = cohort.card.undated_day("series")
    for (case_id, study_id), chosen in rows.items():
        masks = [row for row in cohort.masks if (row.case_id, row.study_id) == (case_id, study_id)]
        series_roles = {f"series:{sequence_of(row)}:{row.series_id}": row for row in chosen}
        mask_roles = {f"mask:{row.region}": row for row in masks}
        facts = StudyFacts(
            series=tuple(
                SeriesFact(
                    role=role,
                    sequence=sequence_of(row),
                    day=undated if row.day is None else row.day,
                    spacing_mm=row.spacing_mm,
                )
                for role, row in series_roles.items()
            ),
            masks=tuple(
                MaskFact(role=role, region=row.region, codebook=row.codebook)
                for role, row in mask_roles.items()
            ),
            expected=expected,
        )
        yield StudyRows(
            case_id=case_id,
            study_id=study_id,
            files={role: row.path for role, row in series_roles.items()}
            | {role: row.path for role, row in mask_roles.items()},
            facts=facts.model_dump(mode="json"),
        )


def facts_of(item: WorkItem) -> StudyFacts:
    """Return the facts that an item carries."""
    return StudyFacts.model_validate(item.facts)


def series_files(item: WorkItem) -> list[SeriesFile]:
    """Return the item's series with files that may be opened; `SourceError` where one may not."""
    return [
        SeriesFile(
            sequence=fact.sequence,
            path=item.path_of(fact.role),
            where=item.name_of(fact.role),
            spacing_mm=fact.spacing_mm,
        )
        for fact in facts_of(item).series
    ]


def mask_files(item: WorkItem) -> list[MaskFile]:
    """Return the item's masks with files that may be opened; `SourceError` where one may not."""
    return [
        MaskFile(
            region=fact.region,
            path=item.path_of(fact.role),
            where=item.name_of(fact.role),
            codebook=fact.codebook,
        )
        for fact in facts_of(item).masks
    ]


def known_day(item: WorkItem) -> int:
    """Return the day at which all of a study is known.

    Raises
    ------
    SourceError
        A series has no day, or one after the prediction day.
    """
    last_day = item.recipe.settings["prediction_day"]
    assert isinstance(last_day, int)
    days = []
    for fact in facts_of(item).series:
        if fact.day is None:
            raise SourceError(
                item.name_of(fact.role),
                expected="a day",
                got="none",
                remedy="Give series.csv a day, or cohort.yaml `undated: {series: <day>}`.",
            )
        if fact.day > last_day:
            raise SourceError(
                item.name_of(fact.role),
                expected=f"a day up to the prediction day {last_day}",
                got=f"day {fact.day}",
                remedy="Take it out of series.csv: it is not known when the prediction is made.",
            )
        days.append(fact.day)
    return max(days)
