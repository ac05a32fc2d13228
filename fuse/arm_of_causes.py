"""One arm that is fitted cause by cause: each has its own penalty, out-of-fold risks, slope and baseline.

Enters: a Cox learner, the cases of a train part with times and causes, and their inner folds. Leaves: an arm
like any other, whose probabilities come from the hazards of all causes together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float, Int

from fuse.arm import FittedArm, fit_arm
from fuse.cases import Cases
from fuse.models.baseline_hazard import BaselineHazard
from fuse.models.cause_hazards import CauseHazards
from fuse.models.cause_specific_cox import CausesScorer
from fuse.models.learner import Learner, Setting
from fuse.outcomes.outcomes import Competing, Survival


@dataclass(frozen=True)
class ChosenByCause(Setting):
    """What was chosen for each cause."""

    causes: tuple[tuple[str, Setting], ...] = ()

    def __str__(self) -> str:
        """Return the settings, each behind the name of its cause."""
        return "; ".join(f"{cause}: {setting}" for cause, setting in self.causes)


@dataclass(frozen=True, kw_only=True)
class ArmOfCauses(FittedArm):
    """An arm of several causes; its risk is a scale for ranking, its probabilities need all of them."""

    scorer: CausesScorer

    def probability(
        self, cases: Cases, times_days: Float[np.ndarray, " time"]
    ) -> Float[np.ndarray, "case column"]:
        """Return 1 - the cumulative incidence of the cause of interest up to each day."""
        return 1.0 - self.scorer.incidence(cases, times_days)


def fit_arm_of_causes(
    learner: Learner,
    cases: Cases,
    outcome: Competing,
    inner: Int[np.ndarray, " case"],
    seed: int,
    day: float,
) -> ArmOfCauses:
    """Fit a learner for each cause that the train part has, the others being censored then.

    Parameters
    ----------
    learner, cases, inner, seed
        As for `fit_arm`.
    outcome
        Times and causes of the train part; that of interest is the first.
    day
        The day by which the incidence ranks the cases: the horizon.

    Raises
    ------
    OutcomeError
        As `fit_arm`, where the cause of interest does not occur.
    """
    arms: dict[str, FittedArm] = {}
    for number, cause in enumerate(outcome.causes, start=1):
        own = outcome_of_cause(outcome, number)
        if number == 1 or own.event.any():
            own_seed = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
            arms[cause] = fit_arm(learner, cases, own, inner, own_seed)
    hazards = _join(arms)
    oof_risk = hazards.risk(np.stack([arm.oof_risk for arm in arms.values()]), day)
    return ArmOfCauses(
        name=learner.name,
        modalities=learner.modalities,
        chosen=ChosenByCause(causes=tuple((cause, arm.chosen) for cause, arm in arms.items())),
        scorer=CausesScorer(
            scorers={cause: arm.scorer for cause, arm in arms.items()}, hazards=hazards, day=day
        ),
        oof_risk=oof_risk,
        calibration=learner.calibrate(oof_risk, outcome),
    )


def outcome_of_cause(outcome: Competing, number: int) -> Survival:
    """Return the times to one cause (1 is the first), those with another being censored."""
    shared = {field.name: getattr(outcome, field.name) for field in fields(Survival)}
    return Survival(**{**shared, "event": outcome.cause == number, "beside": {}})


def _join(arms: Mapping[str, FittedArm]) -> CauseHazards:
    """Put the baselines of all causes on the days of any of them."""
    baselines = [arm.calibration for arm in arms.values() if isinstance(arm.calibration, BaselineHazard)]
    return CauseHazards.join(
        [own.slope for own in baselines], [(own.time_days, own.cumulative) for own in baselines]
    )
