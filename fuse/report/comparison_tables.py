"""The comparisons of two arms: those named before the evaluation, and apart those that only describe.

Enters: the rows of comparisons.csv. Leaves: two tables, each sorted by metric, with its forest plot. A
comparison that was not named before supports no claim: it is shown and labelled so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fuse.report.documents import ComparisonRow
from fuse.report.endpoint_kind import kind_of
from fuse.report.forest import Forest, ForestAxis, ForestEntry, place_forest
from fuse.report.metric_names import MetricName, name_metric, sort_key
from fuse.report.numerals import signed, span
from fuse.report.run_document import RunDocument


@dataclass(frozen=True, kw_only=True)
class ComparisonLine:
    """One comparison in words; `favoured` is the side on which the whole interval lies, if there is one.

    `conditional`: the interval speaks about these fitted models, so it names no better procedure.
    """

    first: str
    second: str
    metric: MetricName
    difference: str
    interval: str
    method: str
    favoured: str
    conditional: bool


@dataclass(frozen=True, kw_only=True)
class ComparisonTable:
    """Comparisons of one kind, and the plot of those in the primary metric (`None`: there are none)."""

    lines: tuple[ComparisonLine, ...]
    forest: Forest | None


def build_comparisons(
    rows: Sequence[ComparisonRow], document: RunDocument, *, named_before: bool
) -> ComparisonTable:
    """Return the comparisons that were named before the evaluation, or those that were not."""
    labels, measure = document.labels, kind_of(document.endpoint).measure
    place = {arm.name: place for place, arm in enumerate(document.sorted_arms)}
    own = sorted(
        (row for row in rows if row.named_before is named_before),
        # the comparators keep their order; single modalities come in that of the page
        key=lambda row: (sort_key(row.metric), 0 if named_before else place.get(row.second, len(place))),
    )
    entries = [
        ForestEntry(
            label=labels.get(row.first, row.first),
            under=f"minus {labels.get(row.second, row.second)}",
            group="",
            mark="diamond" if named_before else "circle",
            estimate=row.difference,
            low=row.low,
            high=row.high,
            reason="" if row.difference is not None else "could not be estimated",
        )
        for row in own
        if row.metric == measure.metric
    ]
    axis = ForestAxis(
        title=f"Difference in {measure.short} within folds, first minus second", reference=0.0, signs=True
    )
    return ComparisonTable(
        lines=tuple(_write_line(row, labels) for row in own),
        forest=place_forest(entries, axis) if entries else None,
    )


def _write_line(row: ComparisonRow, labels: dict[str, str]) -> ComparisonLine:
    metric = name_metric(row.metric)
    # Differences in a Brier score are a tenth of those in C.
    digits = 4 if row.metric in ("ibs", "brier") else 3
    return ComparisonLine(
        first=labels.get(row.first, row.first),
        second=labels.get(row.second, row.second),
        metric=metric,
        difference=signed(row.difference, digits),
        interval=span(row.low, row.high, digits) or "no interval",
        method=row.method,
        favoured=_favoured(row, metric),
        conditional="conditional on the fitted models" in row.method,
    )


def _favoured(row: ComparisonRow, metric: MetricName) -> str:
    if row.low is None or row.high is None or row.low <= 0 <= row.high:
        return ""
    return "first" if (row.low > 0) is metric.higher_is_better else "second"
