"""The coverage study: the product's folds and intervals, truths on fresh cases, rows that can miss."""

from __future__ import annotations

import numpy as np
import pytest

from fuse.metrics.order_intervals import NADEAU_BENGIO, PLAIN, PRIMARY, PUBLISHED
from tests.coverage.one_cohort import ASKED, Covered, Extent, judge_cohort
from tests.coverage.rows import coverage_rows


@pytest.fixture(scope="module")
def judged() -> Covered:
    return judge_cohort("signal", 95, 0, Extent(repeats=2, refits=25))


def test_a_cohort_has_every_interval_and_the_same_again(judged: Covered) -> None:
    assert {name for first, second, name in judged.limits if (first, second) == ("fusion", "clinical")} == {
        *(PRIMARY, PUBLISHED, NADEAU_BENGIO, PLAIN),
        *("out_of_fold_bootstrap", "refit_bootstrap"),
    }
    assert judged == judge_cohort("signal", 95, 0, Extent(repeats=2, refits=25))
    assert judged.estimates != judge_cohort("signal", 95, 1, Extent(repeats=2)).estimates


def test_what_is_reached_is_of_fresh_cases(judged: Covered) -> None:
    assert set(judged.reached) == set(ASKED)
    assert judged.reached["fusion", ""] != judged.estimates["fusion", ""]
    many = [judge_cohort("null", 95, seed, Extent(repeats=1)) for seed in range(8)]
    assert np.mean([one.reached["fusion", ""] for one in many]) == pytest.approx(0.5, abs=0.03)


def test_a_row_counts_who_held_the_truth() -> None:
    def cohort(low: float, high: float) -> Covered:
        return Covered(
            situation="null",
            size=95,
            estimates=dict.fromkeys(ASKED, 0.5),
            reached=dict.fromkeys(ASKED, 0.7),  # not asked for: without a signal the truth is known
            limits={(*pair, PRIMARY): (low, high) for pair in ASKED},
        )

    held, missed, none = cohort(0.4, 0.6), cohort(0.55, 0.6), cohort(np.nan, np.nan)
    rows = coverage_rows([*[held] * 92, *[missed] * 7, none])
    row = rows[0]
    assert (row.name, row.value, row.met) == ("fuse/coverage_null_95_c_nested_cv", 0.92, False)
    assert coverage_rows([held] * 93 + [missed] * 7)[0].met is True
    assert coverage_rows([held] * 9)[0].met is None
