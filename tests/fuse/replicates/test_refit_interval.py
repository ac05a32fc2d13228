from __future__ import annotations

import math

import numpy as np
import pytest

from fuse.replicates.refit_interval import refit_interval

REFITS = (np.random.default_rng(0).normal(0.55, 0.04, size=200)).tolist()


def test_it_is_as_wide_as_the_refits_spread_and_stands_at_the_estimate() -> None:
    interval = refit_interval(0.70, REFITS)
    sd = float(np.std(REFITS, ddof=1))
    centre = math.log(0.7 / 0.3)
    reach = 1.959963984540054 * sd / (0.7 * 0.3)
    assert interval.low == pytest.approx(1 / (1 + math.exp(-(centre - reach))), abs=1e-12)
    assert interval.high == pytest.approx(1 / (1 + math.exp(-(centre + reach))), abs=1e-12)
    assert interval.method == "full-refit bootstrap, logit scale, 200 refits"


def test_a_difference_is_on_its_own_scale_and_several_hold_together() -> None:
    one, of_four = (refit_interval(0.02, REFITS, "difference", family) for family in (1, 4))
    assert (one.low + one.high) / 2 == pytest.approx(0.02, abs=1e-12)
    # 2.4977 is the normal quantile at 1 - .05 / 8
    assert (of_four.high - 0.02) / (one.high - 0.02) == pytest.approx(2.497705 / 1.959964, abs=1e-6)
    assert "Bonferroni over 4 (simultaneous)" in of_four.method


def test_few_refits_or_no_spread_give_none() -> None:
    for refits in (REFITS[:19], [0.5] * 50):
        interval = refit_interval(0.7, refits)
        assert math.isnan(interval.low)
        assert interval.method.startswith("none: full-refit bootstrap")
    assert math.isnan(refit_interval(1.0, REFITS).high)
