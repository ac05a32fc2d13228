from __future__ import annotations

import numpy as np
import pytest

from fuse.metrics.concordance import concordant_pairs
from fuse.metrics.evaluation import evaluate_arm
from fuse.metrics.ranked_fold import RankedFold
from fuse.metrics.uno import resampled_uno_pairs
from fuse.outcomes.outcomes import Survival


def uno(risk: np.ndarray, train: Survival, test: Survival, tau: float) -> float:
    fold = RankedFold(risk=risk, train=train, test=test, counts=np.ones((1, len(risk))))
    concordant, total = resampled_uno_pairs(fold, tau)
    return float(concordant[0] / total[0])


@pytest.mark.parametrize("decimals", [12, 0])
@pytest.mark.parametrize("tau", [400.0, 1000.0])
def test_agrees_with_scikit_survival(make_trial, as_sksurv, tau: float, decimals: int) -> None:
    from sksurv.metrics import concordance_index_ipcw

    train, test = make_trial(120, 1).outcome, make_trial(90, 2).outcome
    risk = np.round(make_trial(90, 2).hazard, decimals)
    theirs = concordance_index_ipcw(as_sksurv(train), as_sksurv(test), risk, tau=tau)[0]
    assert uno(risk, train, test, tau) == pytest.approx(theirs, abs=1e-10)


@pytest.mark.parametrize(("tau", "of_r"), [(30.0, 0.743901238151014), (45.0, 0.79867915534388)])
def test_agrees_with_r(tau: float, of_r: float) -> None:
    """R: concordance(Surv(time, event) ~ risk, timewt = "n/G2", ymax = tau, reverse = TRUE)$concordance."""
    time = np.array([5.0, 7, 8, 12, 15, 20, 21, 27, 33, 40, 41, 55])
    event = np.array([1, 1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0], dtype=bool)
    risk = np.array([2.1, 0.3, 1.2, 1.9, 0.4, 0.2, 1.1, 0.9, 1.3, -0.5, 0.1, -1])
    outcome = Survival(event=event, time_days=time)
    assert uno(risk, outcome, outcome, tau) == pytest.approx(of_r, abs=1e-12)


def test_without_censoring_it_is_harrell() -> None:
    rng = np.random.default_rng(0)
    outcome = Survival(event=np.ones(40, bool), time_days=rng.permutation(40) + 1.0)
    risk = rng.normal(size=40)
    concordant, comparable = concordant_pairs(risk, outcome)
    assert uno(risk, outcome, outcome, 100.0) == pytest.approx(concordant / comparable, abs=1e-12)


def test_the_row_is_a_ratio_of_sums_over_the_folds_of_a_repeat(trial) -> None:
    predictions = trial.predict(trial.hazard)
    rows = {row.metric: row for row in evaluate_arm(predictions, trial.truths, 1000.0, 0)}
    ratios = []
    for repeat in (0, 1):
        sums = [
            np.array(
                resampled_uno_pairs(
                    RankedFold(
                        risk=said.risk, train=own.train, test=own.test, counts=np.ones((1, len(own.test)))
                    ),
                    1000.0,
                )
            )
            for said, own in zip(predictions, trial.truths, strict=True)
            if own.repeat == repeat
        ]
        concordant, total = np.sum(sums, axis=0)[:, 0]
        ratios.append(concordant / total)
    assert rows["uno_c"].estimate == pytest.approx(np.mean(ratios), abs=1e-12)
    assert "summed over the folds of a repeat; tau = horizon day 1000" in rows["uno_c"].method
