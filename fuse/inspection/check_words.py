"""What a check found, in lines for a reader.

Enters: a `Checked`. Leaves: one line a fact: what there is, how many columns come on an event, what a model
of nothing reaches here, which gain can be shown, who lacks what and what became of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fuse.inspection.missingness import Group, Missing
from fuse.inspection.reachable import CLINICAL_C, GAIN, Reachable
from fuse.verdict.words import counted

if TYPE_CHECKING:
    from fuse.inspection.checked import Checked, ColumnsPerEvent


def facts_of(checked: Checked) -> list[str]:
    """Return the facts of the inspection, then those of the values."""
    return [*checked.inspection.facts(), *_sizes(checked), *_shown(checked), *_missing(checked)]


def _sizes(checked: Checked) -> Iterator[str]:
    for size in checked.sizes:
        yield _size(size)


def _size(size: ColumnsPerEvent) -> str:
    words = f"{size.label}: {counted(size.columns, 'column')} of {counted(size.cases, 'case')}"
    if size.events_per_column is not None:
        words += f", {size.events_per_column:.2g} events per column"
    least = size.minimum
    if least is None:
        return words
    return f"{words}; fitted without a penalty they would need {least.cases} cases (Riley's minimum)"


def _shown(checked: Checked) -> Iterator[str]:
    found: Reachable | None = checked.reachable
    if found is None:
        return
    measure = "C" if checked.inspection.door.has_times else "AUROC"
    yield (
        f"a model of nothing has {measure} {found.null_mean:.2f} with a standard deviation of "
        f"{found.null_sd:.3f} in these folds; one in forty is above {found.null_high:.2f}"
    )
    yield (
        f"smallest gain that four in five such cohorts would show beside clinical values of {measure} about "
        f"{CLINICAL_C}: {found.smallest_gain:.2f}; a gain of {GAIN} needs about {found.cases_for_gain} cases"
    )


def _missing(checked: Checked) -> Iterator[str]:
    horizon = checked.inspection.horizon
    if checked.missing and not checked.missing[0].interval.startswith("none"):
        by_day = "" if horizon is None else f" by day {horizon.days:g}"
        if horizon is None and checked.inspection.door.has_times:
            by_day = " by the end of follow-up"
        interval = checked.missing[0].interval
        yield f"who lacks what: cases, events, and the share with the event{by_day} ({interval})"
    for row in checked.missing:
        yield _row(row)


def _row(row: Missing) -> str:
    groups = "; ".join(_group(group) for group in row.groups)
    tested = (
        f"{row.test} p {row.p:.2g}, {row.holm:.2g} by Holm" if not math.isnan(row.p) else "too few to test"
    )
    return f"missing, {row.what}: {groups} ({tested})"


def _group(group: Group) -> str:
    if math.isnan(group.share):
        return f"{group.name} {counted(group.n, 'case')}"
    words = f"{group.name} {counted(group.n, 'case')}, {counted(group.events, 'event')}"
    if group.by_day != group.events:
        words += f" ({group.by_day} by then)"
    # without limits a share is that of a curve that ended with its last case: no "100 %" of one event in six
    if math.isnan(group.low):
        return words
    return f"{words}, {share_words(group.share)} ({share_words(group.low)} to {share_words(group.high)})"


def share_words(share: float) -> str:
    """Return a share in per cent; what is not quite nothing, or not quite all, is not rounded to it.

    >>> share_words(0.234), share_words(1 / 300), share_words(0.0)
    ('23%', '0.3%', '0%')
    """
    if 0 < share < 0.0005:
        return "under 0.1%"
    if 0.9995 < share < 1:
        return "over 99.9%"
    near_an_end = 0 < share < 0.01 or 0.99 < share < 1
    return f"{share:.1%}" if near_an_end else f"{share:.0%}"
