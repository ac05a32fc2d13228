"""What series.csv and masks.csv say of a study, on its way through a work item.

Enters: a cohort's rows. Leaves: files by role and plain facts for an item; and, in the worker, the same as
typed values with files that may be opened, and the day at which the study is known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

from extract.item import WorkItem
from extract.volumes.stored import StoredVolume
from feature_cache.canonical import Json
from feature_cache.cohort import Cohort
from feature_cache.errors import SourceError
from feature_cache.tables import MaskRow, SeriesRow


class _Fact(BaseModel):
    """Facts are hashed as a source: what came later and is not given must not change the hash of the rest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    left_out: ClassVar[frozenset[str]] = frozenset()

    @model_serializer(mode="wrap")
    def _given(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = write(self)
        return {k: v for k, v in fields.items() if v is not None or k not in self.left_out}


class SeriesFact(_Fact):
    """A row of series.csv: `sequence` in lower case; `day` as the card assumes it where the row has none.

    A series that is not `encoded` is there because a mask may have been drawn on it. `times_role` is the file
    that has its times.
    """

    left_out = frozenset({"frame", "time_s", "times_role"})

    role: str
    sequence: str
    day: int | None
    spacing_mm: str | None
    encoded: bool
    frame: int | None = None
    time_s: float | None = None
    times_role: str | None = None


class MaskFact(_Fact):
    """A row of masks.csv."""

    left_out = frozenset({"frame"})

    role: str
    region: str
    codebook: str | None
    frame: int | None = None


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
    """A series with its file; `where` names case, study and file for people.

    `stored` is there where the file was opened already: a moment of a series over time.
    """

    sequence: str
    path: Path
    where: str
    spacing_mm: str | None = None
    encoded: bool = True
    frame: int | None = None
    time_s: float | None = None
    times: Path | None = None
    stored: StoredVolume | None = None


@dataclass(frozen=True, kw_only=True)
class MaskFile:
    """A mask with its file; `stored` as of a series."""

    region: str
    path: Path
    where: str
    codebook: str | None = None
    frame: int | None = None
    stored: StoredVolume | None = None


def sequence_of(row: SeriesRow) -> str:
    """Return the sequence of a row as it is compared and stored: in lower case."""
    return row.sequence.strip().lower()


def studies_of(cohort: Cohort, sequences: tuple[str, ...] | None) -> Iterator[StudyRows]:
    """Yield every study with a series of these sequences (None: any), in the order of series.csv.

    All masks of the study belong to it; where it has any, so do its other series, whose grids the masks may
    lie on, unless they are known too late. A day that is not there is the one that the card assumes.
    """
    rows: dict[tuple[str, str], list[SeriesRow]] = defaultdict(list)
    masks: dict[tuple[str, str], list[MaskRow]] = defaultdict(list)
    for row in cohort.series:
        rows[row.case_id, row.study_id].append(row)
    for mask in cohort.masks:
        masks[mask.case_id, mask.study_id].append(mask)
    expected = sequences or tuple(sorted({sequence_of(row) for row in cohort.series}))
    for (case_id, study_id), of_study in rows.items():
        drawn = {_mask_role(mask): mask for mask in masks[case_id, study_id]}
        facts = [_series_fact(row, cohort, expected) for row in of_study]
        if not any(fact.encoded for fact in facts):
            continue
        last_day = cohort.card.last_day
        kept = {
            fact.role: (fact, row)
            for fact, row in zip(facts, of_study, strict=True)
            if fact.encoded or (drawn and fact.day is not None and fact.day <= last_day)
        }
        study = StudyFacts(
            series=tuple(fact for fact, _ in kept.values()),
            masks=tuple(
                MaskFact(role=role, region=mask.region, codebook=mask.codebook, frame=mask.frame)
                for role, mask in drawn.items()
            ),
            expected=expected,
        )
        yield StudyRows(
            case_id=case_id,
            study_id=study_id,
            files={role: row.path for role, (_, row) in kept.items()}
            | {
                fact.times_role: row.times_path
                for fact, row in kept.values()
                if fact.times_role is not None and row.times_path is not None
            }
            | {role: mask.path for role, mask in drawn.items()}
            | {origin_role(role): mask.segmenter for role, mask in drawn.items() if mask.segmenter},
            facts=study.model_dump(mode="json"),
        )


def _series_fact(row: SeriesRow, cohort: Cohort, expected: tuple[str, ...]) -> SeriesFact:
    sequence = sequence_of(row)
    return SeriesFact(
        role=f"series:{sequence}:{row.series_id}",
        sequence=sequence,
        day=cohort.card.undated_day("series") if row.day is None else row.day,
        spacing_mm=row.spacing_mm,
        encoded=sequence in expected,
        frame=row.frame,
        time_s=row.time_s,
        times_role=None if row.times_path is None else f"times:{sequence}:{row.series_id}",
    )


def origin_role(mask_role: str) -> str:
    """Return the role of the file that says which segmenter drew a mask."""
    return f"segmenter:{mask_role.removeprefix('mask:')}"


def _mask_role(row: MaskRow) -> str:
    return f"mask:{row.region}" if row.frame is None else f"mask:{row.region}:{row.frame}"


def facts_of(item: WorkItem) -> StudyFacts:
    """Return the facts that an item carries."""
    return StudyFacts.model_validate(item.facts)


def series_files(item: WorkItem) -> list[SeriesFile]:
    """Return the item's series with files that may be opened; `SourceError` where one may not."""
    return [
        SeriesFile(
            sequence=fact.sequence,
            path=item.source_of(fact.role),
            where=item.name_of(fact.role),
            spacing_mm=fact.spacing_mm,
            encoded=fact.encoded,
            frame=fact.frame,
            time_s=fact.time_s,
            times=None if fact.times_role is None else item.path_of(fact.times_role),
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
            frame=fact.frame,
        )
        for fact in facts_of(item).masks
    ]


def known_day(item: WorkItem) -> int:
    """Return the day at which all that is encoded of a study is known.

    Raises
    ------
    SourceError
        A series has no day, or one after the prediction day.
    """
    last_day = item.recipe.settings["prediction_day"]
    assert isinstance(last_day, int)
    days = []
    for fact in (one for one in facts_of(item).series if one.encoded):
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
