"""The table of arms: every arm that was asked for, the lines to beat first, each number with its interval.

Enters: run.json's arms and the rows of metrics.csv. Leaves: columns, groups of rows and the methods of the
intervals, lettered. An arm that was not run keeps its row and gives its reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_lowercase

from fuse.report.documents import MetricRow
from fuse.report.endpoint_kind import kind_of
from fuse.report.forest import Forest, ForestAxis, ForestEntry, Mark, place_forest
from fuse.report.metric_names import MetricName, Table, name_metric, sort_key
from fuse.report.numerals import NOTHING, decimal, span
from fuse.report.run_document import ArmPart, RunDocument

BASELINES, SINGLES, FUSIONS = "Lines to beat", "One modality alone", "Fusion of modalities"
GROUPS = (BASELINES, SINGLES, FUSIONS)
MARKS: dict[str, Mark] = {BASELINES: "square", SINGLES: "circle", FUSIONS: "diamond"}


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One number; `mark` is the letter of its method where it is not the column's."""

    estimate: str
    interval: str
    mark: str = ""
    counts: str = ""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One metric at a `place` of the cells; `mark` is the letter of the method of most of its intervals."""

    name: MetricName
    mark: str
    place: int
    table: Table


@dataclass(frozen=True, kw_only=True)
class ArmRow:
    """One arm; `cells` follow the columns and are empty for an arm that was not run."""

    arm: ArmPart
    tags: tuple[str, ...]
    n_cases: str
    n_events: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, kw_only=True)
class ArmsTable:
    """What the page prints; `methods` pairs a letter with the name of a method.

    `without` pairs the headings of secondary metrics that no arm has a number of with the reasons.
    """

    columns: tuple[Column, ...]
    groups: tuple[tuple[str, tuple[ArmRow, ...]], ...]
    methods: tuple[tuple[str, str], ...]
    without: tuple[tuple[str, str], ...] = ()
    baselines: str = BASELINES

    def of(self, table: Table) -> tuple[Column, ...]:
        """Return the columns of one of the tables."""
        return tuple(column for column in self.columns if column.table == table)


def build_arms_table(document: RunDocument, metrics: Sequence[MetricRow]) -> ArmsTable:
    """Return the table of all arms of a run, in groups, in the order of `sorted_arms`."""
    without = _never_known(metrics)
    metrics = [row for row in metrics if row.metric not in without]
    letters = _letter_methods(metrics)
    names = [name_metric(metric) for metric in sorted({row.metric for row in metrics}, key=sort_key)]
    dated = len({name.hint for name in names if name.table == "days"})
    columns = tuple(
        Column(
            name=name,
            mark=_commonest(name.metric, metrics, letters),
            place=place,
            table="secondary" if name.table == "days" and dated == 1 else name.table,
        )
        for place, name in enumerate(names)
    )
    by_cell = {(row.arm, row.metric): row for row in metrics}
    rows = []
    for arm in document.sorted_arms:
        found = [by_cell.get((arm.name, column.name.metric)) for column in columns]
        marks = [
            mark if row and (mark := letters.get(row.method, "")) != column.mark else ""
            for column, row in zip(columns, found, strict=True)
        ]
        rows.append((group_of(arm, document), _build_row(arm, document, found, marks)))
    return ArmsTable(
        columns=columns,
        groups=tuple(
            (group, members)
            for group in GROUPS
            if (members := tuple(row for where, row in rows if where == group))
        ),
        methods=tuple((letter, method) for method, letter in letters.items()),
        without=tuple((name_metric(metric).heading, reason) for metric, reason in without.items()),
    )


def build_arms_forest(document: RunDocument, metrics: Sequence[MetricRow]) -> Forest:
    """Return the forest plot of the primary metric; its guide is that of the clinical comparator, if any."""
    kind = kind_of(document.endpoint)
    primary = {row.arm: row for row in metrics if row.metric == kind.measure.metric}
    entries = []
    for group in GROUPS:
        for arm in document.sorted_arms:
            if group_of(arm, document) != group:
                continue
            row = primary.get(arm.name) if arm.status == "done" else None
            absent = f"not run: {arm.reason}" if arm.status == "not_run" else "could not be estimated"
            entries.append(
                ForestEntry(
                    label=document.labels[arm.name],
                    group=group,
                    mark=MARKS[group],
                    estimate=row.estimate if row else None,
                    low=row.low if row else None,
                    high=row.high if row else None,
                    reason="" if row and row.estimate is not None else absent,
                )
            )
    clinical = primary.get(document.comparators.get("clinical") or "")
    axis = ForestAxis(
        title=f"{kind.heading} (higher is better)",
        reference=0.5,
        guide=clinical.estimate if clinical else None,
    )
    return place_forest(entries, axis)


def group_of(arm: ArmPart, document: RunDocument) -> str:
    """Return where an arm stands: null, clinical values alone and named comparators are lines to beat."""
    alone = len(arm.modalities) <= 1
    if arm.name in document.comparators.values() or (alone and set(arm.modalities) <= {"clinical"}):
        return BASELINES
    return SINGLES if alone else FUSIONS


def _never_known(metrics: Sequence[MetricRow]) -> dict[str, str]:
    """Return the metrics below the main table that no arm has a number of, each with its reason."""
    found: dict[str, str] = {}
    for metric in sorted({row.metric for row in metrics}, key=sort_key):
        rows = [row for row in metrics if row.metric == metric]
        reasons = {row.method.removeprefix("none: ") for row in rows}
        unknown = all(row.estimate is None for row in rows) and len(reasons) == 1
        if unknown and name_metric(metric).table != "main":
            found[metric] = reasons.pop()
    return found


def _letter_methods(metrics: Sequence[MetricRow]) -> dict[str, str]:
    order = sorted(metrics, key=lambda row: sort_key(row.metric))
    methods = dict.fromkeys(row.method for row in order if row.method)
    return {method: ascii_lowercase[place % 26] * (place // 26 + 1) for place, method in enumerate(methods)}


def _commonest(metric: str, metrics: Sequence[MetricRow], letters: dict[str, str]) -> str:
    methods = Counter(row.method for row in metrics if row.metric == metric and row.method)
    return letters[methods.most_common(1)[0][0]] if methods else ""


def _build_row(
    arm: ArmPart, document: RunDocument, found: Sequence[MetricRow | None], marks: Sequence[str]
) -> ArmRow:
    first = next((row for row in found if row is not None), None)
    return ArmRow(
        arm=arm,
        tags=tuple(role.replace("_", " ") for role, name in document.comparators.items() if name == arm.name),
        n_cases=_count(first.n_cases if first else None),
        n_events=_count(first.n_events if first else None),
        cells=()
        if arm.status == "not_run"
        else tuple(_build_cell(row, first, mark) for row, mark in zip(found, marks, strict=True)),
    )


def _build_cell(row: MetricRow | None, first: MetricRow | None, mark: str) -> Cell:
    if row is None or first is None:
        return Cell(estimate=NOTHING, interval="")
    digits = name_metric(row.metric).digits
    same = (row.n_cases, row.n_events) == (first.n_cases, first.n_events)
    return Cell(
        estimate=decimal(row.estimate, digits),
        interval=span(row.low, row.high, digits) or "no interval",
        mark=mark,
        counts="" if same else f"n {_count(row.n_cases)}, {_count(row.n_events)} events",
    )


def _count(count: int | None) -> str:
    return NOTHING if count is None else str(count)
