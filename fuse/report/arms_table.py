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
from fuse.report.metric_names import MetricName, name_metric, sort_key
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
    """What the page prints; `methods` pairs a letter with the name of a method."""

    columns: tuple[Column, ...]
    groups: tuple[tuple[str, tuple[ArmRow, ...]], ...]
    methods: tuple[tuple[str, str], ...]
    baselines: str = BASELINES


def build_arms_table(document: RunDocument, metrics: Sequence[MetricRow]) -> ArmsTable:
    """Return the table of all arms of a run, in groups, in the order of `sorted_arms`."""
    letters = _letter_methods(metrics)
    names = sorted({row.metric for row in metrics}, key=sort_key)
    columns = tuple(
        Column(name=name_metric(metric), mark=_commonest(metric, metrics, letters), place=place)
        for place, metric in enumerate(names)
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
