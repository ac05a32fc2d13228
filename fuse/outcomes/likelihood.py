"""How well risks fit outcomes of any kind, whatever baseline goes with them.

Enters: risks that share no scale with anything, and outcomes. Leaves: a log likelihood in which the baseline
(Cox: the hazard; classes: one offset each) is fitted away, its gradient, and the best slope of the risks.
What is chosen on inner folds, stacked or calibrated is judged by this: one code does it for every kind.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from fuse.losses import partial_log_likelihood, partial_log_likelihood_gradient
from fuse.models.newton_cox import cox_slope
from fuse.outcomes.outcomes import Classes, Outcome

#: A slope beyond this (risks of unit spread) is separation of a handful of cases, not knowledge.
MAX_SLOPE_PER_SD = 5.0

#: Newton's steps to the offsets of classes end at this gradient (cases).
_TOLERANCE = 1e-9


def log_likelihood(risk: Float[np.ndarray, " case *classes"], outcome: Outcome) -> float:
    """Return the log likelihood of risks under the baseline that suits them best.

    Parameters
    ----------
    risk
        Log relative hazard (case,); log odds (case,) of two classes; a score a class (case, class) of more.
    outcome
        The outcomes of the same cases. Of several causes, those beside the one of interest are censored.
    """
    if not isinstance(outcome, Classes):
        return partial_log_likelihood(risk, outcome)
    scores = scores_of_classes(risk)
    log_probability = _log_softmax(scores + fit_offsets(scores, outcome))
    return float(np.sum(log_probability[np.arange(len(outcome)), outcome.label]))


def log_likelihood_gradient(
    risk: Float[np.ndarray, " case *classes"], outcome: Outcome
) -> Float[np.ndarray, " case *classes"]:
    """Return the derivative of `log_likelihood` by each risk: what happened minus what was expected."""
    if not isinstance(outcome, Classes):
        return partial_log_likelihood_gradient(risk, outcome)
    scores = scores_of_classes(risk)
    expected = np.exp(_log_softmax(scores + fit_offsets(scores, outcome)))
    residual = np.eye(len(outcome.names))[outcome.label] - expected
    return np.asarray(residual[:, 1] if risk.ndim == 1 else residual)


def non_negative_slope(risk: Float[np.ndarray, " case *classes"], outcome: Outcome) -> float:
    """Return the slope >= 0 that maximises the likelihood of `slope * risk`.

    The likelihood is concave in the slope, so its derivative is followed to where it changes sign.
    """
    sd = float(np.std(risk if risk.ndim == 1 else risk - risk.mean(axis=1, keepdims=True)))
    if not _says_something(outcome) or sd <= 1e-12:
        return 0.0
    # the derivative at 0 of risks without any order is rounding, not evidence
    if _derivative(0.0, risk, outcome) <= 1e-9 * sd:
        return 0.0
    highest = MAX_SLOPE_PER_SD / sd
    if not isinstance(outcome, Classes):
        return cox_slope(risk, outcome, highest)
    from scipy.optimize import brentq

    if _derivative(highest, risk, outcome) >= 0.0:
        return highest
    found = brentq(_derivative, 0.0, highest, args=(risk, outcome), xtol=1e-10 / sd, rtol=1e-12)
    return float(found)


def _derivative(slope: float, risk: Float[np.ndarray, " case *classes"], outcome: Outcome) -> float:
    return float(np.vdot(log_likelihood_gradient(slope * risk, outcome), risk))


def scores_of_classes(risk: Float[np.ndarray, " case *classes"]) -> Float[np.ndarray, "case class"]:
    """Return one score a class: log odds of yes are the score of yes against 0 for no."""
    return np.stack([np.zeros_like(risk), risk], axis=1) if risk.ndim == 1 else risk


def fit_offsets(scores: Float[np.ndarray, "case class"], outcome: Classes) -> Float[np.ndarray, " class"]:
    """Return what is added to the scores of each class so that as many are expected as there are.

    The maximum of the multinomial likelihood by Newton's steps, halved where one leads down; the first class
    that there is has offset 0, one that nobody has -inf.
    """
    count = np.bincount(outcome.label, minlength=len(outcome.names)).astype(np.float64)
    seen = np.flatnonzero(count)
    own, wanted = scores[:, seen], count[seen]
    offset = np.log(wanted) - np.log(wanted[0])
    height, expected = _height(own, wanted, offset)
    for _ in range(100):
        sums = expected.sum(axis=0)
        gradient = (wanted - sums)[1:]
        if not len(gradient) or np.max(np.abs(gradient)) <= _TOLERANCE * len(scores):
            break
        curvature = (np.diag(sums) - expected.T @ expected)[1:, 1:]
        step, length = np.append(0.0, np.linalg.pinv(curvature, hermitian=True) @ gradient), 1.0
        found = _height(own, wanted, offset + step)
        while found[0] < height and length > 1e-6:
            length /= 2
            found = _height(own, wanted, offset + length * step)
        offset = offset + length * step
        height, expected = found
    offsets = np.full(len(count), -np.inf)
    offsets[seen] = offset
    return offsets


def _height(
    own: Float[np.ndarray, "case seen"],
    wanted: Float[np.ndarray, " seen"],
    offset: Float[np.ndarray, " seen"],
) -> tuple[float, Float[np.ndarray, "case seen"]]:
    """Return what the offsets are chosen to raise, and how probable each class is in each case."""
    log_probability = _log_softmax(own + offset)
    total = own[:, 0] + offset[0] - log_probability[:, 0]
    return float(wanted @ offset - total.sum()), np.exp(log_probability)


def _says_something(outcome: Outcome) -> bool:
    if isinstance(outcome, Classes):
        return len(np.unique(outcome.label)) > 1
    return bool(outcome.event.any())


def _log_softmax(scores: Float[np.ndarray, "case class"]) -> Float[np.ndarray, "case class"]:
    # one column after the other: a case's number does not depend on the cases beside it
    return np.asarray(scores - np.logaddexp.accumulate(scores, axis=1)[:, -1:])
