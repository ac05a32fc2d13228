from __future__ import annotations

import math

import pytest

from fuse.metrics.comparison import Roles
from fuse.replicates.permutation_tests import Held, rows_of_conditional, rows_of_permutation, share_as_high

ROLES = Roles(fusion="net", other_fusions=("early", "late"), clinical="clinical", selected_single="selected")


def test_p_counts_the_cohort_itself_and_ties() -> None:
    assert share_as_high(0.7, [0.5] * 19) == 0.05
    assert share_as_high(0.7, [0.5, 0.7, 0.7 - 1e-15, 0.8]) == pytest.approx(4 / 5)


def test_the_best_arm_is_held_against_the_best_of_each_permutation() -> None:
    own = {"clinical": 0.60, "late": 0.70, "selected": 0.55}
    altered = [
        {"clinical": 0.50, "late": 0.52, "selected": 0.71},
        {"clinical": 0.65, "late": 0.50, "selected": 0.50},
        {"clinical": 0.40, "late": 0.50, "selected": 0.50},
    ]
    rows = {row.arms: row for row in rows_of_permutation(Held(own=own, altered=altered), ROLES, "note")}
    assert list(rows) == ["the highest of all arms", "late", "clinical", "selected"]
    assert (rows["the highest of all arms"].statistic, rows["the highest of all arms"].p) == (0.70, 2 / 4)
    assert [rows[name].p for name in ("late", "clinical", "selected")] == [1 / 4, 2 / 4, 2 / 4]
    assert all(row.n == 3 and row.method.endswith("; note") for row in rows.values())


def test_what_fusion_gains_is_held_against_what_it_gains_of_nothing() -> None:
    own = {"clinical": 0.60, "early": 0.90, "late": 0.65}
    altered = [{"clinical": 0.60, "late": late} for late in (0.55, 0.66, 0.60, 0.61)]
    (row,) = rows_of_conditional(Held(own=own, altered=altered), ROLES, "")
    assert row.arms == "late minus clinical"
    assert row.statistic == pytest.approx(0.05)
    assert row.p == pytest.approx(2 / 5)
    assert "given the clinical values" in row.null


def test_a_protocol_of_networks_alone_is_told_that_nothing_was_fitted_again() -> None:
    (row,) = rows_of_permutation(Held(own={}, altered=[]), ROLES, "left out: net")
    assert math.isnan(row.p)
    assert row.method == "none: no arm that is cheap enough to be fitted again"


@pytest.mark.parametrize(
    ("own", "reason"),
    [({"clinical": 0.6}, "no cheap fusion"), ({"late": 0.6}, "no clinical arm among the comparators")],
)
def test_a_test_that_cannot_be_made_says_why(own, reason) -> None:
    (row,) = rows_of_conditional(Held(own=own, altered=[]), ROLES, "")
    assert math.isnan(row.p)
    assert row.method == f"none: {reason}"
