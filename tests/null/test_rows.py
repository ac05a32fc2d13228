from __future__ import annotations

import numpy as np
import pytest

from tests.measurement import Measured
from tests.null.gain import Gain
from tests.null.rejections import Judged, above_all, excludes
from tests.null.rows import gain_rows, null_rows, upper_limit


def judged(runs: int, c: float, rejected: int) -> list[Judged]:
    spread = np.linspace(-0.1, 0.1, runs)
    return [
        Judged(c={"fusion": c + more}, pooled={"fusion": 0.5 + more}, rejects={"a test": number < rejected})
        for number, more in enumerate(spread)
    ]


def test_a_share_is_held_against_its_upper_limit() -> None:
    # R: binom.test(20, 400, alternative = "less")$conf.int[2]
    assert upper_limit(20, 400) == pytest.approx(0.071828590046, abs=1e-12)
    rows = {row.name: row for row in null_rows(judged(400, 0.5, 20), "")}
    assert rows["fuse/null_rejects_a_test"].met is True
    assert rows["fuse/null_rejects_a_test"].value == 0.05
    assert {row.name: row for row in null_rows(judged(400, 0.5, 24), "")}[
        "fuse/null_rejects_a_test"
    ].met is False


def test_mean_c_is_held_against_its_own_error_and_few_runs_show_nothing() -> None:
    met = {c: null_rows(judged(400, c, 0), "")[0].met for c in (0.5, 0.508, 0.51)}
    assert met == {0.5: True, 0.508: True, 0.51: False}
    assert {row.met for row in null_rows(judged(399, 0.7, 399), "")} == {None}


def test_a_gain_is_held_against_the_truth_and_the_naive_difference_must_miss_it() -> None:
    def cohort(number: int, bias: float, naive: float, truth: float) -> Gain:
        noise = 0.02 * (-1) ** number
        return Gain(
            estimate={"clinical": truth + bias + noise},
            limits={"clinical": (truth - 0.03, truth + 0.03) if number % 4 else (truth + 0.01, truth + 0.03)},
            truth={"clinical": truth},
            naive=truth + naive + noise,
            best=truth,
        )

    def rows(bias: float, naive: float, truth: float = 0.02) -> list[Measured]:
        return gain_rows([cohort(number, bias, naive, truth) for number in range(200)], "")

    def met(*of: float) -> list[bool | None]:
        return [row.met for row in rows(*of)]

    assert met(0.004, -0.02) == [True, True, None, True]
    assert met(-0.006, 0.0) == [True, False, None, False]
    assert met(0.0, -0.02, 0.026) == [False, True, None, True]  # what is planted is another gain
    held = rows(0.0, 0.0)[2]
    assert (held.name, held.value) == ("fuse/gain_coverage_over_clinical", 0.75)


def test_the_cohort_must_lie_above_every_permutation_and_ties_do_not() -> None:
    seen = []

    def altered(values):
        for value in values:
            seen.append(value)
            yield {"c": value}

    statistic = {"test": lambda found: found["c"]}
    assert above_all({"c": 0.6}, altered([0.5] * 19), statistic) == {"test": True}
    assert len(seen) == 19
    assert above_all({"c": 0.6}, altered([0.5, 0.6, 0.4]), statistic) == {"test": False}
    assert seen[19:] == [0.5, 0.6]  # what comes after would change no decision


def test_no_interval_claims_nothing() -> None:
    assert excludes(0.5, 0.51, 0.6)
    assert not excludes(0.5, 0.45, 0.6)
    assert not excludes(0.5, float("nan"), float("nan"))
