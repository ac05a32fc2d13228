"""What Uno's C and AUC(day) share: weighted pairs of resamples are those of the repeated rows."""

from __future__ import annotations

import numpy as np
import pytest

from fuse.metrics.auc import resampled_auc_pairs
from fuse.metrics.ranked_fold import RankedFold
from fuse.metrics.uno import resampled_uno_pairs


@pytest.mark.parametrize(("count", "day"), [(resampled_auc_pairs, 700.0), (resampled_uno_pairs, 900.0)])
def test_resampling_equals_repeating_the_rows(trial, count, day: float) -> None:
    truth = trial.truths[0]
    n = len(truth.test)
    risk = np.random.default_rng(0).normal(size=n)
    drawn = np.random.default_rng(1).integers(0, n, n)
    counts = np.bincount(drawn, minlength=n)[None, :].astype(float)
    resampled = count(RankedFold(risk=risk, train=truth.train, test=truth.test, counts=counts), day)
    repeated = RankedFold(
        risk=risk[drawn], train=truth.train, test=truth.test.take(drawn), counts=np.ones((1, n))
    )
    assert np.array(resampled) == pytest.approx(np.array(count(repeated, day)), abs=1e-9)
    assert resampled[1][0] > 0
