"""Rows of an evaluation where cases enter late: what is made of risk sets stays."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from fuse.metrics.comparison import ComparisonRow
from fuse.metrics.evaluation import MetricRow
from fuse.metrics.late_entry import NOT_WEIGHED, OTHERS_END, keep_compared_risk_sets, keep_risk_sets

C = MetricRow(metric="c_index", estimate=0.7, low=0.6, high=0.8, method="nested CV", n_cases=90, n_events=30)
GAINED = ComparisonRow(
    first="a",
    second="b",
    metric="c_index",
    difference=0.1,
    low=0.0,
    high=0.2,
    method="nested CV",
    named_before=True,
)


@pytest.mark.parametrize(("of_causes", "method"), [(False, "nested CV"), (True, f"nested CV; {OTHERS_END}")])
def test_order_is_kept_and_says_what_it_is_of_causes(of_causes: bool, method: str) -> None:
    assert keep_risk_sets([C], of_causes=of_causes) == [replace(C, method=method)]
    assert keep_compared_risk_sets([GAINED], of_causes=of_causes) == [replace(GAINED, method=method)]


def test_what_is_weighed_for_censoring_has_no_value_and_the_reason() -> None:
    (brier,) = keep_risk_sets([replace(C, metric="brier_365")], of_causes=True)
    assert math.isnan(brier.estimate) and math.isnan(brier.low) and brier.method == NOT_WEIGHED
    assert (brier.n_cases, brier.n_events) == (90, 30)
    (ibs,) = keep_compared_risk_sets([replace(GAINED, metric="ibs")], of_causes=False)
    assert math.isnan(ibs.difference) and math.isnan(ibs.high) and ibs.method == NOT_WEIGHED
