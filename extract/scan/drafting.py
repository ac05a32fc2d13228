"""What every layout drafts and how it is written: the tables beside cohort.yaml, and the card itself.

Enters: rows that a layout found, and its card. Leaves: a cohort folder, what is in it by count, and what
a person should know. What a person wrote is never lost: an existing card stays, a changed table is kept.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from feature_cache.card import CohortCard, read_card
from feature_cache.cohort import REPOSITORY_MANIFESTS
from feature_cache.errors import ManifestError, Problem
from feature_cache.tables import CaseRow, MaskRow, MeasurementRow, NoteRow, Row, SeriesRow, SlideRow

OUTCOME_COLUMNS = ("case_id", "endpoint", "event", "time", "cause", "value")
#: Columns that few downloads have anything for: a table is written without them then.
_WRITTEN_WHERE_USED: dict[type[Row], tuple[str, ...]] = {
    CaseRow: ("entry_day",),
    SlideRow: ("day",),
    SeriesRow: ("frame", "time_s", "times_path"),
    MaskRow: ("frame", "segmenter"),
}


@dataclass(kw_only=True)
class Draft:
    """What a layout found. `clinical` and `outcomes` are rows of texts exactly as they came."""

    card: dict[str, Any]
    site: str | None = None
    slides: list[SlideRow] = field(default_factory=list)
    series: list[SeriesRow] = field(default_factory=list)
    masks: list[MaskRow] = field(default_factory=list)
    notes: list[NoteRow] = field(default_factory=list)
    measurements: list[MeasurementRow] = field(default_factory=list)
    clinical_columns: list[str] = field(default_factory=list)
    clinical: list[dict[str, str]] = field(default_factory=list)
    outcomes: list[dict[str, str]] = field(default_factory=list)
    further_cases: list[str] = field(default_factory=list)
    encodings: dict[str, str] = field(default_factory=dict)
    warnings: list[Problem] = field(default_factory=list)

    @property
    def case_ids(self) -> list[str]:
        """Every case of which anything but an outcome was found, sorted as text."""
        rows = (self.slides, self.series, self.masks, self.notes, self.measurements)
        found = {row.case_id for table in rows for row in table}
        return sorted(found | {row["case_id"] for row in self.clinical} | set(self.further_cases))

    def warn(self, where: str, expected: str, got: str, remedy: str) -> None:
        """Add a row that does not stop the scan."""
        self.warnings.append(Problem(level="warning", where=where, expected=expected, got=got, remedy=remedy))

    def fault(self, where: str, expected: str, got: str, remedy: str) -> None:
        """Add a row for something that is there and could not be taken; the rest is still written."""
        self.warnings.append(Problem(level="error", where=where, expected=expected, got=got, remedy=remedy))


@dataclass(frozen=True, kw_only=True)
class ScanReport:
    """Where the manifest is, how many rows each table has, and what was odd.

    `encodings` says which encoding decoded a table that came without one. A row of `warnings` that fails
    is something that was there and could not be taken.
    """

    folder: Path
    counts: dict[str, int]
    encodings: dict[str, str]
    warnings: tuple[Problem, ...]

    @property
    def fails(self) -> bool:
        """Whether something that was there could not be taken."""
        return any(problem.fails for problem in self.warnings)

    def describe(self) -> str:
        """Return what was written and what was odd, one line each."""
        lines = [f"{self.folder}: " + ", ".join(f"{n} {name}" for name, n in self.counts.items() if n)]
        lines += [f"{name}: decoded as {encoding}" for name, encoding in self.encodings.items()]
        for row in self.warnings:
            lines.append(f"{row.level} {row.where}: expected {row.expected}; got {row.got}. {row.remedy}")
        return "\n".join(lines)


def shipped_card(layout: str) -> dict[str, Any]:
    """Return the card that Braid ships for a layout, as a plain mapping to be changed and written."""
    text = (REPOSITORY_MANIFESTS / layout / "cohort.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    return document


def files_below(root: Path) -> Iterator[Path]:
    """Yield every file below a folder, in the order of their relative paths; hidden ones are left out."""
    for path in sorted(root.rglob("*"), key=lambda path: path.relative_to(root).as_posix()):
        hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if path.is_file() and not hidden:
            yield path


def write_draft(draft: Draft, cohort_name: str, manifests: Path) -> ScanReport:
    """Write card and tables into `manifests`/`cohort_name`.

    Raises
    ------
    ManifestError
        The cohort's name cannot be a folder name.
    """
    if Path(cohort_name).name != cohort_name or cohort_name.startswith((".", "_")):
        raise ManifestError(
            f"cohort {cohort_name}",
            expected="a name that is one folder and starts with a letter or digit",
            got="another one",
            remedy="Choose another --cohort.",
        )
    folder = manifests / cohort_name
    folder.mkdir(parents=True, exist_ok=True)
    cases = [CaseRow(case_id=case_id, site=draft.site) for case_id in draft.case_ids]
    tables = {
        "cases": _rows(CaseRow, cases),
        "slides": _rows(SlideRow, draft.slides),
        "series": _rows(SeriesRow, draft.series),
        "masks": _rows(MaskRow, draft.masks),
        "notes": _rows(NoteRow, draft.notes),
        "measurements": _rows(MeasurementRow, draft.measurements),
        "clinical": (["case_id", *draft.clinical_columns], draft.clinical),
        "outcomes": (list(OUTCOME_COLUMNS), draft.outcomes),
    }
    for name, (columns, rows) in tables.items():
        _replace(folder / f"{name}.csv", _as_csv(columns, rows) if rows else None, draft)
    _write_card(folder / "cohort.yaml", {**draft.card, "name": cohort_name}, draft)
    counts = {name: len(rows) for name, (_, rows) in tables.items()}
    return ScanReport(folder=folder, counts=counts, encodings=draft.encodings, warnings=tuple(draft.warnings))


def _rows(kind: type[Row], rows: Sequence[Row]) -> tuple[list[str], list[dict[str, str]]]:
    texts = [
        {name: "" if value is None else str(value) for name, value in row.model_dump().items()}
        for row in rows
    ]
    unused = {name for name in _WRITTEN_WHERE_USED.get(kind, ()) if not any(text[name] for text in texts)}
    columns = [name for name in kind.model_fields if name not in unused]
    return columns, [{name: text[name] for name in columns} for text in texts]


def _as_csv(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, fieldnames=columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def _replace(path: Path, text: str | None, draft: Draft) -> None:
    """Write, leave or remove a table; what was there and differs is kept as `.before`."""
    before = path.read_bytes() if path.is_file() else None
    after = None if text is None else text.encode("utf-8")
    if before == after:
        return
    if before is not None:
        path.replace(path.with_name(f"{path.name}.before"))
        draft.warn(
            path.name,
            "the table of the last scan",
            "other rows than now" if after is not None else "no rows any more",
            f"The former table is {path.name}.before: carry over what was written by hand.",
        )
    if after is not None:
        path.write_bytes(after)


def _write_card(path: Path, document: dict[str, Any], draft: Draft) -> None:
    drafted = CohortCard.model_validate(document)  # what is drafted must load
    if path.is_file():
        if read_card(path) != drafted:
            draft.warn(
                "cohort.yaml",
                "no card, or the one of this scan",
                "another one",
                "It was kept as it is; move it away to have one drafted.",
            )
        return
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)
    path.write_text(text, encoding="utf-8")
