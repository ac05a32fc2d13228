"""Added value as tables: what each rung reaches, what it adds, and what acting on it gains.

Enters: the rows of added_value.csv. Leaves: one line a rung, in the order of the file, with everything that
is said of it side by side. Differences are to the first of the rungs that others are held against.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fuse.report.documents import AddedValueRow

NET_BENEFIT, ACCURACY = "net_benefit", "ipa"
#: Columns of a threshold that have no interval.
MOVED = ("moved_up_per_100", "moved_down_per_100", "event_share_of_moved_up", "event_share_of_moved_down")


@dataclass(frozen=True, kw_only=True)
class RungLine:
    """One rung; None where it has no such number. `is_reference`: the others are held against it."""

    words: str
    is_reference: bool
    order: AddedValueRow | None
    order_gained: tuple[AddedValueRow | None, ...]
    accuracy: AddedValueRow | None
    accuracy_gained: AddedValueRow | None


@dataclass(frozen=True, kw_only=True)
class ThresholdLine:
    """One rung at one threshold; `moved` maps the names of `MOVED` to numbers."""

    words: str
    benefit: AddedValueRow
    benefit_gained: AddedValueRow | None
    moved: dict[str, float | None]


@dataclass(frozen=True, kw_only=True)
class ThresholdTable:
    """What acting at one risk gains."""

    threshold: float
    lines: tuple[ThresholdLine, ...]


@dataclass(frozen=True, kw_only=True)
class AddedValueTable:
    """All tables; `references` are the words of what rungs are held against."""

    references: tuple[str, ...]
    lines: tuple[RungLine, ...]
    thresholds: tuple[ThresholdTable, ...]
    methods: tuple[str, ...]


def build_added_value(rows: Sequence[AddedValueRow], metric: str) -> AddedValueTable | None:
    """Return the tables, None where the file has no row; `metric` is that of the order."""
    if not rows:
        return None
    words = {row.rung: row.words for row in rows}
    references = tuple(dict.fromkeys(row.against for row in rows if row.against))
    found = {(row.rung, row.against, row.metric, row.threshold): row for row in rows}
    first = references[0] if references else ""
    thresholds = sorted({row.threshold for row in rows if row.threshold is not None})
    return AddedValueTable(
        references=tuple(words[name] for name in references),
        lines=tuple(
            RungLine(
                words=text,
                is_reference=rung in references,
                order=found.get((rung, "", metric, None)),
                order_gained=tuple(found.get((rung, name, metric, None)) for name in references),
                accuracy=found.get((rung, "", ACCURACY, None)),
                accuracy_gained=found.get((rung, first, ACCURACY, None)) if first else None,
            )
            for rung, text in words.items()
        ),
        thresholds=tuple(
            ThresholdTable(
                threshold=threshold,
                lines=tuple(
                    _at_threshold(found, (rung, text), first, threshold) for rung, text in words.items()
                ),
            )
            for threshold in thresholds
        ),
        methods=tuple(dict.fromkeys(row.method for row in rows if row.method)),
    )


def _at_threshold(
    found: dict[tuple[str, str, str, float | None], AddedValueRow],
    rung: tuple[str, str],
    first: str,
    threshold: float,
) -> ThresholdLine:
    name, words = rung

    def against(metric: str) -> AddedValueRow | None:
        return found.get((name, first, metric, threshold)) if first else None

    moved = {metric: against(metric) for metric in MOVED}
    return ThresholdLine(
        words=words,
        benefit=found[name, "", NET_BENEFIT, threshold],
        benefit_gained=against(NET_BENEFIT),
        moved={metric: None if row is None else row.estimate for metric, row in moved.items()},
    )
