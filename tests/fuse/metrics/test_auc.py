from __future__ import annotations

import numpy as np
import pytest

from fuse.metrics.auc import resampled_auc_pairs
from fuse.metrics.concordance import concordant_pairs
from fuse.metrics.ranked_fold import RankedFold
from fuse.outcomes.outcomes import Survival


def auc_at(risk: np.ndarray, train: Survival, test: Survival, day: float) -> float:
    fold = RankedFold(risk=risk, train=train, test=test, counts=np.ones((1, len(risk))))
    concordant, total = resampled_auc_pairs(fold, day)
    return float(concordant[0] / total[0])


@pytest.mark.parametrize("decimals", [12, 0])
@pytest.mark.parametrize("day", [400.0, 1000.0])
def test_agrees_with_scikit_survival(trial, as_sksurv, day: float, decimals: int) -> None:
    from sksurv.metrics import cumulative_dynamic_auc

    train = trial.outcome
    test = train.take(np.flatnonzero(train.time_days < train.time_days.max()))
    risk = np.round(trial.hazard[train.time_days < train.time_days.max()], decimals)
    theirs = cumulative_dynamic_auc(as_sksurv(train), as_sksurv(test), risk, [day])[0][0]
    assert auc_at(risk, train, test, day) == pytest.approx(theirs, abs=1e-10)


def test_without_censoring_before_the_day_it_is_the_plain_auc() -> None:
    outcome = Survival(event=np.array([True, True, False, False]), time_days=np.array([1.0, 2.0, 9.0, 9.0]))
    assert auc_at(np.array([3.0, 1.0, 2.0, 0.0]), outcome, outcome, 5.0) == 0.75


def test_differs_from_concordance_and_has_no_pair_without_events(trial) -> None:
    outcome = trial.outcome
    concordant, comparable = concordant_pairs(trial.hazard, outcome)
    assert auc_at(trial.hazard, outcome, outcome, 700.0) != concordant / comparable
    fold = RankedFold(risk=trial.hazard, train=outcome, test=outcome, counts=np.ones((1, len(outcome))))
    assert resampled_auc_pairs(fold, 0.5)[1][0] == 0
