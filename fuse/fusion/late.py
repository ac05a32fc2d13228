"""Late fusion: the arms' out-of-fold risks stacked with non-negative weights.

Enters: fitted arms and the outcomes of the train part they were fitted on: one arm for each modality
(`late`), or arms of several models, some of which may read several modalities at once (`stack`). Leaves: a
log relative hazard to which each arm adds its weight times its risk, exactly 0 where a case lacks the
modality. Weights are learned on risks that were predicted out of fold, because an overfitted arm looks
better than it is on its own train cases. No risk is ranked among others, so one case can be scored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from fuse.arm import FittedArm
from fuse.cases import Cases
from fuse.fusion.stacking import stack_arms
from fuse.models.card import CLASSES, TIMES, ModelCard
from fuse.models.learner import NullScorer, Setting
from fuse.outcomes.calibrated import Calibration, fit_calibration
from fuse.outcomes.outcomes import Outcome


@dataclass(frozen=True, kw_only=True)
class FittedLate:
    """Stacked arms; the same surface as `FittedArm`.

    `weights`: arm -> weight >= 0 of its risk in units of its out-of-fold standard deviation (`sd`).
    `modality_weights`: modality -> sum of the weights of the arms that read it; that of an arm of several is
    divided as the spreads of what each of them adds to it in the train part. `oof_risk` (train case,): the
    stack's own risk with weights learned on the other inner folds. `chosen`: the share of each rule.
    """

    arms: dict[str, FittedArm]
    weights: dict[str, float]
    modality_weights: dict[str, float]
    sd: dict[str, float]
    chosen: Setting
    oof_risk: Float[np.ndarray, " case *classes"]
    calibration: Calibration

    def contributions(self, cases: Cases) -> dict[str, Float[np.ndarray, " case *classes"]]:
        """Return what each modality adds to the risk of each case; exactly 0.0 where it is absent."""
        shape = (len(cases), *self.oof_risk.shape[1:])
        parts: dict[str, Float[np.ndarray, " case *classes"]] = defaultdict(lambda: np.zeros(shape))
        for name, arm in self.arms.items():
            for modality, part in _parts(arm, cases).items():
                parts[modality] += _stretched(part, self.weights[name], self.sd[name])
        return dict(parts)

    def risk(self, cases: Cases) -> Float[np.ndarray, " case *classes"]:
        """Return the log relative hazard of each case, or its log odds, or a score a class."""
        risk = np.zeros((len(cases), *self.oof_risk.shape[1:]))
        for name, arm in self.arms.items():
            risk += _stretched(arm.risk(cases), self.weights[name], self.sd[name])
        return risk

    def probability(
        self, cases: Cases, times_days: Float[np.ndarray, " time"]
    ) -> Float[np.ndarray, "case column"]:
        """Return the probability of no event up to each time, or of each class, in [0, 1]."""
        return self.calibration.probability(self.risk(cases), times_days)


def fit_late(
    arms: Mapping[str, FittedArm], cases: Cases, outcome: Outcome, inner: Int[np.ndarray, " case"]
) -> FittedLate:
    """Stack arms that were fitted on this train part and these inner folds.

    Parameters
    ----------
    arms
        Name -> fitted arm. The order does not matter. Scorers of several modalities have `contributions`.
    cases, outcome, inner
        The train part that the arms were fitted on, and its inner folds.
    """
    ordered = {name: arms[name] for name in sorted(arms)}
    sd = {name: _spread(arm, cases) for name, arm in ordered.items()}
    columns = [_stretched(arm.oof_risk, 1.0, sd[name]) for name, arm in ordered.items()]
    stack = stack_arms(np.stack(columns, axis=-1), outcome, inner)
    weights = {name: float(weight) for name, weight in zip(ordered, stack.weights, strict=True)}
    return FittedLate(
        arms=ordered,
        weights=weights,
        modality_weights=_by_modality(ordered, weights, cases),
        sd=sd,
        chosen=Setting(tuple(stack.share.items())),
        oof_risk=stack.oof_risk,
        calibration=fit_calibration(stack.oof_risk, outcome),
    )


def has_any(cases: Cases, modalities: tuple[str, ...]) -> Bool[np.ndarray, " case"]:
    """Return whether each case has at least one of the modalities."""
    present = [cases.modalities[name].present for name in modalities]
    return np.asarray(np.any(present, axis=0)) if present else np.zeros(len(cases), dtype=bool)


def _spread(arm: FittedArm, cases: Cases) -> float:
    """Return the standard deviation of the arm's out-of-fold risks over the cases that it can judge."""
    seen = arm.oof_risk[has_any(cases, arm.modalities)]
    return float(seen.std()) if len(seen) else 0.0


def _stretched(
    risk: Float[np.ndarray, " case *classes"], weight: float, sd: float
) -> Float[np.ndarray, " case *classes"]:
    """Return weight * risk / sd; an arm that gave all cases one risk knows nothing: 0."""
    return risk * (weight / sd) if sd > 1e-9 else np.zeros_like(risk)


def _parts(arm: FittedArm, cases: Cases) -> dict[str, Float[np.ndarray, " case *classes"]]:
    """Return what each modality of an arm adds to its risk."""
    if len(arm.modalities) == 1:
        return {arm.modalities[0]: arm.risk(cases)}
    if isinstance(arm.scorer, NullScorer):
        return {name: np.zeros_like(arm.risk(cases)) for name in arm.modalities}
    parts: dict[str, Float[np.ndarray, " case *classes"]] = arm.scorer.contributions(cases)  # type: ignore[attr-defined]  # refused before the fit where absent
    return parts


def _by_modality(
    arms: Mapping[str, FittedArm], weights: Mapping[str, float], cases: Cases
) -> dict[str, float]:
    """Divide the weights of arms among the modalities that they read."""
    total: dict[str, float] = defaultdict(float)
    for name, arm in arms.items():
        spreads = {modality: float(part.std()) for modality, part in _parts(arm, cases).items()}
        whole = sum(spreads.values())
        for modality, spread in spreads.items():
            total[modality] += weights[name] * (spread / whole if whole > 0 else 1 / len(spreads))
    return {modality: total[modality] for modality in sorted(total)}


CARD = ModelCard(
    name="late",
    title="Late fusion (stacked out of fold, weights >= 0)",
    reads="risks of other arms",
    modalities="several",
    needs=("scipy",),
    source="Wolpert 1992; Breiman 1996 (stacked regressions, non-negative weights)",
    endpoints=(*TIMES, *CLASSES),
    late_entry=True,
)

STACK_CARD = ModelCard(
    name="stack",
    title="Stack of models (out of fold, weights >= 0)",
    reads="risks of other arms",
    modalities="several",
    needs=("scipy",),
    source="Wolpert 1992; Breiman 1996; Yao, Vehtari, Simpson and Gelman 2018 (pseudo-averaging)",
    endpoints=(*TIMES, *CLASSES),
    late_entry=True,
)
