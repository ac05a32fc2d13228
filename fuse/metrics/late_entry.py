"""What may be said of metrics where cases came under observation at different days.

Enters: the rows of an evaluation. Leaves: the same rows, those without a value that weigh cases by the chance
of being censored, or that compare the mean of predictions with an estimate from risk sets: the cases that are
there outlived the time before their entry, and no weight here undoes that. Concordance is kept: its pairs are
of cases under observation at the event, of competing causes too (see `ordered.keep_at_risk`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from fuse.metrics.comparison import ComparisonRow
from fuse.metrics.evaluation import MetricRow

#: Metrics that are made of pairs of cases at risk at an event.
OF_RISK_SETS = ("c_index", "c_index_pooled")

NOT_WEIGHED = "none: cases enter late, which no weight for censoring honours"


#: What C is of competing causes then.
OTHERS_END = "another cause ends observation, since cases enter late"


def keep_risk_sets(rows: Sequence[MetricRow], *, of_causes: bool) -> list[MetricRow]:
    """Return the rows of one arm; those that delayed entry makes wrong have no value and say why."""
    return [
        replace(row, method=f"{row.method}; {OTHERS_END}" if of_causes else row.method)
        if row.metric in OF_RISK_SETS
        else replace(row, estimate=math.nan, low=math.nan, high=math.nan, method=NOT_WEIGHED)
        for row in rows
    ]


def keep_compared_risk_sets(rows: Sequence[ComparisonRow], *, of_causes: bool) -> list[ComparisonRow]:
    """Return the comparisons; those of a metric that delayed entry makes wrong have no value and say why."""
    return [
        replace(row, method=f"{row.method}; {OTHERS_END}" if of_causes else row.method)
        if row.metric in OF_RISK_SETS
        else replace(row, difference=math.nan, low=math.nan, high=math.nan, method=NOT_WEIGHED)
        for row in rows
    ]
