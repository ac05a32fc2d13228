"""The likelihood that every choice is judged by: of classes against the same by other means."""

from __future__ import annotations

import numpy as np
import pytest

from fuse.outcomes.likelihood import (
    MAX_SLOPE_PER_SD,
    fit_offsets,
    log_likelihood,
    log_likelihood_gradient,
    non_negative_slope,
    scores_of_classes,
)
from fuse.outcomes.outcomes import Classes

NAMES = ("a", "b", "c")


@pytest.fixture
def binary() -> tuple[np.ndarray, Classes]:
    rng = np.random.default_rng(0)
    risk = rng.normal(size=80)
    yes = rng.random(80) < 1 / (1 + np.exp(1.5 - 0.8 * risk))
    return risk, Classes(label=yes.astype(np.int64), names=("no", "yes"))


@pytest.fixture
def several() -> tuple[np.ndarray, Classes]:
    rng = np.random.default_rng(1)
    scores = rng.normal(size=(90, 3))
    chosen = np.argmax(scores + np.array([0.0, 0.5, -0.5]) + rng.gumbel(size=(90, 3)), axis=1)
    return scores, Classes(label=chosen, names=NAMES)


def test_zeros_say_the_shares(several: tuple[np.ndarray, Classes]) -> None:
    scores, outcome = several
    count = np.bincount(outcome.label)
    assert log_likelihood(0 * scores, outcome) == pytest.approx(np.sum(count * np.log(count / count.sum())))
    assert np.allclose(fit_offsets(0 * scores, outcome), np.log(count / count[0]))


def test_offset_and_slope_are_those_of_logistic_regression(binary: tuple[np.ndarray, Classes]) -> None:
    from sklearn.linear_model import LogisticRegression

    risk, outcome = binary
    theirs = LogisticRegression(C=np.inf, tol=1e-10).fit(risk[:, None], outcome.label)
    slope = non_negative_slope(risk, outcome)
    offset = fit_offsets(scores_of_classes(slope * risk), outcome)
    assert slope == pytest.approx(theirs.coef_[0, 0], abs=1e-5)
    assert offset[1] == pytest.approx(theirs.intercept_[0], abs=1e-5)
    said = theirs.predict_log_proba(risk[:, None])[np.arange(80), outcome.label].sum()
    assert log_likelihood(slope * risk, outcome) == pytest.approx(said, abs=1e-6)


def test_the_gradient_is_the_derivative(several: tuple[np.ndarray, Classes]) -> None:
    scores, outcome = several
    gradient = log_likelihood_gradient(scores, outcome)
    assert np.allclose(gradient.sum(axis=0), 0, atol=1e-6)
    for row, column in ((0, 0), (7, 2)):
        step = np.zeros_like(scores)
        step[row, column] = 1e-4
        change = log_likelihood(scores + step, outcome) - log_likelihood(scores - step, outcome)
        assert gradient[row, column] == pytest.approx(change / 2e-4, abs=1e-4)


def test_two_classes_as_scores_are_two_classes_as_log_odds(binary: tuple[np.ndarray, Classes]) -> None:
    risk, outcome = binary
    assert log_likelihood(scores_of_classes(risk), outcome) == log_likelihood(risk, outcome)
    assert np.array_equal(
        log_likelihood_gradient(scores_of_classes(risk), outcome)[:, 1],
        log_likelihood_gradient(risk, outcome),
    )


def test_what_is_added_to_all_scores_changes_nothing(several: tuple[np.ndarray, Classes]) -> None:
    scores, outcome = several
    shifted = scores + np.linspace(-3, 3, 90)[:, None]
    assert log_likelihood(shifted, outcome) == pytest.approx(log_likelihood(scores, outcome), abs=1e-8)
    assert non_negative_slope(3 * scores, outcome) == pytest.approx(non_negative_slope(scores, outcome) / 3)


def test_scores_against_the_classes_and_separation_have_their_limits(
    several: tuple[np.ndarray, Classes],
) -> None:
    scores, outcome = several
    assert non_negative_slope(-scores, outcome) == 0.0
    right = np.eye(3)[outcome.label]
    sd = (right - 1 / 3).std()
    assert non_negative_slope(right, outcome) == pytest.approx(MAX_SLOPE_PER_SD / sd)


def test_a_class_that_nobody_has_is_never_expected() -> None:
    outcome = Classes(label=np.array([0, 0, 2]), names=NAMES)
    offset = fit_offsets(np.zeros((3, 3)), outcome)
    assert offset[1] == -np.inf
    assert np.isfinite(log_likelihood(np.zeros((3, 3)), outcome))
    assert non_negative_slope(np.ones(3), Classes(label=np.zeros(3, dtype=int), names=("no", "yes"))) == 0.0
