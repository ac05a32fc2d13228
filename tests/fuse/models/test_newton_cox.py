"""Newton's Cox regression against scikit-survival's, its own derivative, and cases that are separated."""

from __future__ import annotations

import numpy as np
import pytest

from fuse.losses import partial_log_likelihood_gradient
from fuse.models.newton_cox import ridge_cox_path
from fuse.outcomes.outcomes import Survival

ALPHAS = (256.0, 16.0, 1.0)


def simulate(cases: int, columns: int, *, tied: bool) -> tuple[np.ndarray, Survival]:
    rng = np.random.default_rng(cases + columns)
    matrix = rng.normal(size=(cases, columns))
    time = rng.exponential(400, size=cases) * np.exp(-matrix[:, 0])
    stop = rng.uniform(1, 900, size=cases)
    seen = np.minimum(time, stop)
    return matrix, Survival(event=time <= stop, time_days=np.ceil(seen / 60) if tied else seen)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize(("cases", "columns"), [(95, 3), (95, 40), (300, 32)])
def test_the_path_is_scikit_survivals(cases: int, columns: int, tied: bool) -> None:
    from sksurv.linear_model import CoxPHSurvivalAnalysis
    from sksurv.util import Surv

    matrix, outcome = simulate(cases, columns, tied=tied)
    labels = Surv.from_arrays(outcome.event, outcome.time_days)
    for alpha, ours in zip(ALPHAS, ridge_cox_path(matrix, outcome, ALPHAS), strict=True):
        theirs = CoxPHSurvivalAnalysis(alpha=alpha, ties="breslow", tol=1e-14).fit(matrix, labels)
        assert ours == pytest.approx(theirs.coef_, abs=1e-6)


def test_beside_a_known_hazard_the_derivative_is_zero() -> None:
    matrix, outcome = simulate(120, 5, tied=True)
    known = np.random.default_rng(1).normal(size=120)
    (found,) = ridge_cox_path(matrix, outcome, (2.0,), known)
    slope = matrix.T @ partial_log_likelihood_gradient(known + matrix @ found, outcome) - 2.0 * found
    assert slope == pytest.approx(np.zeros(5), abs=1e-4)
    (alone,) = ridge_cox_path(matrix, outcome, (2.0,))
    assert np.abs(found - alone).max() > 1e-3


def test_a_penalty_gives_the_same_alone_and_on_a_path() -> None:
    matrix, outcome = simulate(80, 6, tied=False)
    path = ridge_cox_path(matrix, outcome, ALPHAS)
    for alpha, found in zip(ALPHAS, path, strict=True):
        assert np.array_equal(ridge_cox_path(matrix, outcome, (alpha,))[0], found)


def test_separated_cases_stay_finite() -> None:
    outcome = Survival(event=np.ones(30, bool), time_days=np.arange(1.0, 31.0))
    (found,) = ridge_cox_path(-outcome.time_days[:, None] * 1e3, outcome, (1e-6,))
    assert np.isfinite(found).all()


def test_no_column_no_coefficient() -> None:
    _, outcome = simulate(20, 1, tied=False)
    assert [len(found) for found in ridge_cox_path(np.empty((20, 0)), outcome, ALPHAS)] == [0, 0, 0]
