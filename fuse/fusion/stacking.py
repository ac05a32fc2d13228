"""How much each of several arms counts: rules from plain to free, averaged by what they foretell.

Enters: out-of-fold risks of the arms in units of their own spread, outcomes, inner folds. Leaves: one weight
>= 0 for each arm. With some 60 events free weights are mostly noise and equal ones mostly right, with
thousands it is the other way round, so each rule is judged on inner folds that it has not seen and they are
averaged by their likelihood. Arms that say nothing get 0 from every rule; all weights 0 are the null model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from fuse.outcomes.calibrated import held_out_gain
from fuse.outcomes.likelihood import log_likelihood, log_likelihood_gradient, non_negative_slope
from fuse.outcomes.outcomes import Outcome

Stacked = Float[np.ndarray, "case *classes arm"]
Weights = Float[np.ndarray, " arm"]

#: Penalties of the free weights: on their differences, and (small, to keep them finite) on themselves.
LIKENESS, RIDGE = 4.0, 0.5

#: Log likelihood that free weights must gain for each of them before they count as much as a plain rule.
PRICE_OF_A_WEIGHT = 0.5


@dataclass(frozen=True, kw_only=True)
class Stack:
    """Weights of arms, and how they came about.

    `share` (rule -> part of the average, they sum to 1); `oof_risk` (case,): risks of the train part with
    weights learned on the other inner folds.
    """

    weights: Weights
    share: dict[str, float]
    oof_risk: Float[np.ndarray, " case *classes"]


def stack_arms(stacked: Stacked, outcome: Outcome, inner: Int[np.ndarray, " case"]) -> Stack:
    """Average the rules by their likelihood on inner folds (pseudo-Bayesian model averaging).

    Parameters
    ----------
    stacked
        What each arm says of each train case, out of fold; 0 where a case lacks what the arm reads.
    outcome, inner
        Of the same cases.
    """
    weights, risks, gains = [], [], []
    for name, rule in RULES.items():
        risk = np.zeros(stacked.shape[:-1])
        for fold in np.unique(inner):
            others, held = np.flatnonzero(inner != fold), np.flatnonzero(inner == fold)
            risk[held] = stacked[held] @ _scaled(rule, stacked[others], outcome.take(others))
        price = PRICE_OF_A_WEIGHT * stacked.shape[-1] if name == "free" else 0.0
        gains.append(held_out_gain(risk, outcome) - price)
        risks.append(risk)
        weights.append(_scaled(rule, stacked, outcome))
    share = np.exp(np.array(gains) - np.max(gains))
    share /= share.sum()
    return Stack(
        weights=share @ np.array(weights),
        share=dict(zip(RULES, share.tolist(), strict=True)),
        oof_risk=np.tensordot(share, np.array(risks), axes=1),
    )


def level_weights(stacked: Stacked, outcome: Outcome) -> Weights:
    """Return the same weight for every arm whose risks go with the outcomes, 0 for the others."""
    return (slope_weights(stacked, outcome) > 0).astype(np.float64)


def slope_weights(stacked: Stacked, outcome: Outcome) -> Weights:
    """Return for each arm the slope >= 0 that it would have alone: the more it says, the more it counts."""
    return np.array([non_negative_slope(column, outcome) for column in np.moveaxis(stacked, -1, 0)])


def free_weights(stacked: Stacked, outcome: Outcome, likeness: float = LIKENESS) -> Weights:
    """Return the weights >= 0 that together maximise the penalised likelihood of their weighted sum.

    The penalty is `RIDGE / 2` times the squared weights and `likeness / 2` times the squared distances
    from their mean. It is convex; L-BFGS-B with bounds (Byrd, Lu, Nocedal, Zhu 1995) from 0.
    """
    from scipy.optimize import minimize

    def loss(weights: Weights) -> tuple[float, Weights]:
        apart = weights - weights.mean()
        risk = stacked @ weights
        penalty = RIDGE / 2 * float(weights @ weights) + likeness / 2 * float(apart @ apart)
        gradient = flat.T @ log_likelihood_gradient(risk, outcome).ravel()
        return penalty - log_likelihood(risk, outcome), RIDGE * weights + likeness * apart - gradient

    arms = stacked.shape[-1]
    flat = stacked.reshape(-1, arms)
    found = minimize(loss, np.zeros(arms), jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * arms)
    return np.asarray(found.x)


RULES: dict[str, Callable[[Stacked, Outcome], Weights]] = {
    "level": level_weights,
    "slope": slope_weights,
    "free": free_weights,
}


def _scaled(rule: Callable[[Stacked, Outcome], Weights], stacked: Stacked, outcome: Outcome) -> Weights:
    """Return a rule's weights, stretched as a whole to the slope that fits best."""
    weights = rule(stacked, outcome)
    return weights * non_negative_slope(stacked @ weights, outcome)
