"""A simulated cohort with folds, and the outcome in the form scikit-survival wants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from fuse.cases import FoldPrediction, FoldTruth
from fuse.outcomes.outcomes import Survival

DAYS = np.array([100.0, 300.0, 500.0, 700.0, 900.0, 1000.0])
N_FOLDS = 5


@dataclass(frozen=True)
class Trial:
    """A cohort of which the true log hazard is known, and its folds."""

    outcome: Survival
    hazard: np.ndarray
    truths: list[FoldTruth]

    def rows(self, repeat: int, fold: int) -> np.ndarray:
        """Return the test rows of one fold."""
        return np.random.default_rng(repeat).permutation(len(self.outcome))[fold::N_FOLDS]

    def predict(self, risk: np.ndarray) -> list[FoldPrediction]:
        """Predict all folds by one risk, with probabilities of an exponential model."""
        predictions = []
        for truth in self.truths:
            test = self.rows(truth.repeat, truth.fold)
            predictions.append(
                FoldPrediction(
                    repeat=truth.repeat,
                    fold=truth.fold,
                    case_ids=tuple(f"case{row:04d}" for row in test),
                    risk=risk[test],
                    times_days=DAYS,
                    event_free=np.exp(-np.exp(risk[test])[:, None] * DAYS[None, :] / 2000),
                )
            )
        return predictions


@pytest.fixture(scope="session")
def make_trial() -> Callable[[int, int], Trial]:
    def make(n: int, seed: int) -> Trial:
        generator = np.random.default_rng(seed)
        hazard = generator.normal(size=n)
        event_time = generator.exponential(2000 * np.exp(-hazard))
        followed = generator.uniform(200, 3000, size=n)
        outcome = Survival(
            event=event_time <= followed, time_days=np.ceil(np.minimum(event_time, followed)) + 1
        )
        bare = Trial(outcome=outcome, hazard=hazard, truths=[])
        truths = []
        for repeat in range(2):
            for fold in range(N_FOLDS):
                test = bare.rows(repeat, fold)
                train = np.setdiff1d(np.arange(n), test)
                truths.append(
                    FoldTruth(repeat=repeat, fold=fold, test=outcome.take(test), train=outcome.take(train))
                )
        return replace(bare, truths=truths)

    return make


@pytest.fixture(scope="session")
def trial(make_trial: Callable[[int, int], Trial]) -> Trial:
    return make_trial(90, 0)


@pytest.fixture(scope="session")
def as_sksurv() -> Callable[[Survival], np.ndarray]:
    from sksurv.util import Surv

    return lambda outcome: Surv.from_arrays(outcome.event, outcome.time_days)
