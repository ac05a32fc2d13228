"""Late fusion: the arms' out-of-fold risks stacked with non-negative weights.

Enters: fitted arms, one for each modality, and the outcomes of the train part they were fitted on. Leaves:
a log relative hazard to which each arm adds its weight times its risk, exactly 0 where a case lacks the
modality. Weights are learned on risks that were predicted out of fold, because an overfitted arm looks
better than it is on its own train cases. At 60 events they are mostly noise, so they are drawn towards each
other, as far as the inner folds say; weights that are all 0 are the null model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from fuse.arm import FittedArm
from fuse.calibrated import Calibration, fit_calibration, held_out_gain
from fuse.cases import Cases
from fuse.likelihood import log_likelihood, log_likelihood_gradient
from fuse.models.card import ModelCard
from fuse.models.learner import Setting
from fuse.outcomes import Outcome

#: Penalties on the differences between the weights to choose from, the strongest first. Stronger ones were
#: tried on six planted cohorts: C was the same (.723), and the weights said less of what was planted.
LIKENESS = (16.0, 4.0, 1.0, 0.0)

#: Penalty on the weights themselves; small, it only keeps them finite.
RIDGE = 0.5


@dataclass(frozen=True, kw_only=True)
class FittedLate:
    """Stacked arms; the same surface as `FittedArm`.

    `weights`: arm -> weight >= 0 of its risk in units of its out-of-fold standard deviation. `centre` and
    `sd` (arm,): of the out-of-fold risks of the train cases that have the modality. `oof_risk` (train
    case,): the stack's own risk with weights learned on the other inner folds. `chosen`: the penalty.
    """

    arms: dict[str, FittedArm]
    weights: dict[str, float]
    centre: Float[np.ndarray, " arm"]
    sd: Float[np.ndarray, " arm"]
    chosen: Setting
    oof_risk: Float[np.ndarray, " case"]
    calibration: Calibration

    def contributions(self, cases: Cases) -> dict[str, Float[np.ndarray, " case"]]:
        """Return what each arm adds to the risk of each case; exactly 0.0 where the modality is absent."""
        parts = {}
        for column, (name, arm) in enumerate(self.arms.items()):
            scaled = _scaled(arm.risk(cases), self.centre[column], self.sd[column])
            parts[name] = np.where(has_any(cases, arm.modalities), self.weights[name] * scaled, 0.0)
        return parts

    def risk(self, cases: Cases) -> Float[np.ndarray, " case"]:
        """Return the log relative hazard of each case."""
        return np.asarray(np.sum(list(self.contributions(cases).values()), axis=0))

    def probability(
        self, cases: Cases, times_days: Float[np.ndarray, " time"]
    ) -> Float[np.ndarray, "case column"]:
        """Return the probability of no event up to each time, or of no and yes, in [0, 1]."""
        return self.calibration.probability(self.risk(cases), times_days)


def fit_late(
    arms: Mapping[str, FittedArm], cases: Cases, outcome: Outcome, inner: Int[np.ndarray, " case"]
) -> FittedLate:
    """Stack arms that were fitted on this train part and these inner folds.

    Parameters
    ----------
    arms
        Name (the modality) -> fitted arm. The order does not matter.
    cases, outcome, inner
        The train part that the arms were fitted on, and its inner folds.
    """
    ordered = {name: arms[name] for name in sorted(arms)}
    columns = [_standardised(arm, cases) for arm in ordered.values()]
    stacked = np.stack([column for column, _, _ in columns], axis=1)
    likeness, oof_risk = _choose_likeness(stacked, outcome, inner)
    weights = stack_weights(stacked, outcome, likeness)
    return FittedLate(
        arms=ordered,
        weights={name: float(weight) for name, weight in zip(ordered, weights, strict=True)},
        centre=np.array([centre for _, centre, _ in columns]),
        sd=np.array([sd for _, _, sd in columns]),
        chosen=Setting((("likeness", likeness),)),
        oof_risk=oof_risk,
        calibration=fit_calibration(oof_risk, outcome),
    )


def stack_weights(
    stacked: Float[np.ndarray, "case arm"], outcome: Outcome, likeness: float
) -> Float[np.ndarray, " arm"]:
    """Return the weights >= 0 that maximise the penalised likelihood of their weighted sum.

    The penalty is `RIDGE / 2` times the squared weights and `likeness / 2` times the squared distances
    from their mean. It is convex; L-BFGS-B with bounds (Byrd, Lu, Nocedal, Zhu 1995) from 0.
    """
    from scipy.optimize import minimize

    def loss(weights: Float[np.ndarray, " arm"]) -> tuple[float, Float[np.ndarray, " arm"]]:
        apart = weights - weights.mean()
        risk = stacked @ weights
        penalty = RIDGE / 2 * float(weights @ weights) + likeness / 2 * float(apart @ apart)
        gradient = stacked.T @ log_likelihood_gradient(risk, outcome)
        return penalty - log_likelihood(risk, outcome), RIDGE * weights + likeness * apart - gradient

    arms = stacked.shape[1]
    found = minimize(loss, np.zeros(arms), jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * arms)
    return np.asarray(found.x)


def has_any(cases: Cases, modalities: tuple[str, ...]) -> Bool[np.ndarray, " case"]:
    """Return whether each case has at least one of the modalities."""
    present = [cases.modalities[name].present for name in modalities]
    return np.asarray(np.any(present, axis=0)) if present else np.zeros(len(cases), dtype=bool)


def _standardised(arm: FittedArm, cases: Cases) -> tuple[Float[np.ndarray, " case"], float, float]:
    """Return the arm's out-of-fold risks in their own units, 0 where absent, with centre and sd."""
    present = has_any(cases, arm.modalities)
    seen = arm.oof_risk[present]
    centre, sd = (float(seen.mean()), float(seen.std())) if len(seen) else (0.0, 0.0)
    return np.where(present, _scaled(arm.oof_risk, centre, sd), 0.0), centre, sd


def _scaled(risk: Float[np.ndarray, " case"], centre: float, sd: float) -> Float[np.ndarray, " case"]:
    """Return (risk - centre) / sd; an arm that gave all cases one risk knows nothing: 0."""
    return (risk - centre) / sd if sd > 1e-9 else np.zeros_like(risk)


def _choose_likeness(
    stacked: Float[np.ndarray, "case arm"], outcome: Outcome, inner: Int[np.ndarray, " case"]
) -> tuple[float, Float[np.ndarray, " case"]]:
    """Return the penalty with the best held-out likelihood, and the stack's risks out of fold at it."""
    tried = []
    for likeness in LIKENESS:
        risk = np.zeros(len(stacked))
        for fold in np.unique(inner):
            others, held = np.flatnonzero(inner != fold), np.flatnonzero(inner == fold)
            risk[held] = stacked[held] @ stack_weights(stacked[others], outcome.take(others), likeness)
        tried.append((held_out_gain(risk, outcome), risk))
    best = int(np.argmax([gain for gain, _ in tried]))
    return LIKENESS[best], tried[best][1]


CARD = ModelCard(
    name="late",
    title="Late fusion (stacked out of fold, weights >= 0)",
    reads="risks of other arms",
    modalities="several",
    needs=("scipy",),
    source="Wolpert 1992; Breiman 1996 (stacked regressions, non-negative weights), Cox likelihood",
)
