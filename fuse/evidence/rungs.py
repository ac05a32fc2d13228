"""The rungs of added value: published risk score, clinical values, every subset of the modalities, fusion.

Enters: the roles that were fixed before, and what the folds say of arms and of subsets, sealed by then.
Leaves: for each rung the risk and the probability of the event that every fold gave its test cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from fuse.arm_plans import ArmPlan
from fuse.fitting import FoldResult
from fuse.metrics.brier import event_free_at
from fuse.metrics.comparison import Roles
from fuse.verdict.words import modality_words, sort_modalities

SCORE_WORDS, CLINICAL_WORDS = "published risk score", "clinical values"

#: Fusions that are a sum of arms, and so can do with some of them.
WEIGHS_ARMS = ("late", "stack")


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a rung says of the test cases of one fold; the probability is of the event by the day in use."""

    risk: Float[np.ndarray, " case *classes"]
    probability: Float[np.ndarray, " case"]


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One rung: `arm` is the arm that it is, "" for a subset of a stack; `words` are for people."""

    name: str
    words: str
    modalities: tuple[str, ...]
    arm: str
    folds: tuple[Said, ...]


@dataclass(frozen=True, kw_only=True)
class DayInUse:
    """How the probability of the event is read off a prediction: by a day (None: that of the class yes)."""

    days: float | None
    times_days: Float[np.ndarray, " time"]

    def of_event(self, predicted: Float[np.ndarray, "case column"]) -> Float[np.ndarray, " case"]:
        """Return the probability of the event of each case."""
        if self.days is None:
            return predicted[:, 1]
        return 1 - event_free_at(predicted, self.times_days, np.array([self.days]))[:, 0]


def stacked_arm(plans: Sequence[ArmPlan]) -> str:
    """Return the arm whose subsets folds look at: the last that weighs arms, "" where there is none."""
    return next((plan.name for plan in reversed(plans) if plan.model in WEIGHS_ARMS), "")


def rungs_of(roles: Roles, results: Sequence[FoldResult], day: DayInUse, stack: str) -> tuple[Rung, ...]:
    """Return the rungs, the plainest first.

    Parameters
    ----------
    stack
        The arm whose subsets the results hold, "" where there is none: single modalities stand in for them
        then. The subset of the clinical values alone is left out where the clinical arm stands for these.
        Of more than two classes there is no one probability of the event, and so no rung.
    """
    if any(arm.risk.ndim > 1 for arm in results[0].arms.values()):
        return ()
    named = [(roles.published_score, SCORE_WORDS), (roles.clinical, CLINICAL_WORDS)]
    if not stack:
        named += [(roles.singles[name], modality_words(name)) for name in sort_modalities(roles.singles)]
    rungs: dict[str, Rung] = {}
    for arm, words in named:
        if arm in results[0].arms:
            rungs.setdefault(arm, _of_arm(arm, words, results, day))
    everything = max(results[0].subsets, key=len, default=())
    for subset in results[0].subsets if stack else ():
        if subset == everything:
            rungs[stack] = _of_arm(stack, _listed(subset), results, day)
        elif subset != ("clinical",) or not roles.clinical:
            rungs["+".join(subset)] = _of_subset(subset, results, day)
    if roles.fusion in results[0].arms and roles.fusion not in rungs:
        words = _listed(_modalities(roles.fusion))
        rungs[roles.fusion] = _of_arm(roles.fusion, words, results, day)
    return tuple(rungs.values())


def _of_arm(arm: str, words: str, results: Sequence[FoldResult], day: DayInUse) -> Rung:
    folds = tuple(
        Said(risk=result.arms[arm].risk, probability=day.of_event(result.arms[arm].probability))
        for result in results
    )
    return Rung(name=arm, words=words, modalities=_modalities(arm), arm=arm, folds=folds)


def _of_subset(subset: tuple[str, ...], results: Sequence[FoldResult], day: DayInUse) -> Rung:
    folds = tuple(
        Said(
            risk=result.subsets[subset],
            probability=day.of_event(result.subset_probabilities[subset]),
        )
        for result in results
    )
    return Rung(name="+".join(subset), words=_listed(subset), modalities=subset, arm="", folds=folds)


def _modalities(arm: str) -> tuple[str, ...]:
    return tuple(arm.partition("__")[2].split("+"))


def _listed(modalities: Sequence[str]) -> str:
    return " + ".join(modality_words(name) for name in sort_modalities(modalities))
