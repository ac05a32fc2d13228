"""All arms of a protocol, fitted on the train part of one fold and applied to its test part.

Enters: the cases, one fold with the outcomes of its train part only, and the arms. Leaves: predictions of the
test part, what late fusion weighed, which single modality the train part itself would have chosen, and
where attention looked. The outcomes of the test part are not here, so nothing can use them.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Float

from fuse.arm import FittedArm, fit_arm
from fuse.arm_of_causes import fit_arm_of_causes
from fuse.arm_plans import ArmPlan
from fuse.cases import Cases
from fuse.folds.folds import Fold
from fuse.fusion.late import FittedLate, fit_late
from fuse.fusion.residual import FittedResidual, fit_residual
from fuse.fusion.subsets import subset_stacks
from fuse.inner_order import InnerPairs, count_inner_pairs, inner_share, selected_inner_pairs
from fuse.metrics.class_cut import train_cut
from fuse.models.choice import choosing_sets
from fuse.models.learner import Setting
from fuse.models.registry import build_learner
from fuse.outcomes.outcomes import Classes, Competing, Outcome, Survival
from fuse.roles import is_single, selected_single_name


@dataclass(frozen=True, kw_only=True)
class FoldTask:
    """What one worker needs beside the cases: a fold, the outcomes of its train part, the arms."""

    fold: Fold
    outcome: Outcome
    plans: tuple[ArmPlan, ...]
    times_days: Float[np.ndarray, " time"]
    seed: int

    @property
    def outcome_has_one_risk(self) -> bool:
        """Whether a case is given one number, and not a score for each of several classes."""
        return not isinstance(self.outcome, Classes) or len(self.outcome.names) == 2


@dataclass(frozen=True, kw_only=True)
class ArmResult:
    """What one arm says about the test part, rows as in `Fold.test`.

    `probability` has a column for each of the days (no event up to it), or for each class. `train_median` is
    the median of the out-of-fold risks of the train part: the cut between groups (no use for classes).
    `train_cut` is the risk above which a case is called a yes, NaN unless the endpoint is binary. `chosen`
    says in words what was chosen inside the train part. `inner_pairs`: how the arm ordered the inner folds.
    """

    risk: Float[np.ndarray, " case *classes"]
    probability: Float[np.ndarray, "case column"]
    train_median: float
    chosen: str
    inner_pairs: InnerPairs
    train_cut: float = float("nan")


@dataclass(frozen=True, kw_only=True)
class Attention:
    """Weights over all valid tiles of one test case, in the order in which they are packed."""

    arm: str
    case_id: str
    weights: Float[np.ndarray, " tile"]


@dataclass(frozen=True, kw_only=True)
class FoldResult:
    """All that one fold gives.

    `weights` (modality -> weight), `contributions` (modality -> what it adds to the risk of each test case)
    and `subsets` (modalities -> risk of each test case from these alone; `subset_probabilities`: the columns
    of `ArmResult.probability`) are those of the last late fusion,
    empty without it. `attention_weights` (arm -> modality -> how much it counts in each test case) are those
    of the networks that weigh modalities.
    """

    repeat: int
    fold: int
    arms: dict[str, ArmResult]
    weights: dict[str, float] = field(default_factory=dict)
    contributions: dict[str, Float[np.ndarray, " case"]] = field(default_factory=dict)
    subsets: dict[tuple[str, ...], Float[np.ndarray, " case"]] = field(default_factory=dict)
    subset_probabilities: dict[tuple[str, ...], Float[np.ndarray, "case column"]] = field(
        default_factory=dict
    )
    attention_weights: dict[str, dict[str, Float[np.ndarray, " case"]]] = field(default_factory=dict)
    attention: Attention | None = None


class Fitted(Protocol):
    """What fitted arms and fitted fusions have in common."""

    @property
    def chosen(self) -> Setting:
        """What was chosen on the inner folds."""

    @property
    def oof_risk(self) -> Float[np.ndarray, " case *classes"]:
        """Out-of-fold risks of the train part."""

    def risk(self, cases: Cases) -> Float[np.ndarray, " case *classes"]:
        """Log relative hazard of each case, or what `Scorer` says of classes."""

    def probability(
        self, cases: Cases, times_days: Float[np.ndarray, " time"]
    ) -> Float[np.ndarray, "case column"]:
        """Probability of no event up to each time, or of each class."""


def fit_fold(task: FoldTask, cases: Cases) -> FoldResult:
    """Fit every arm on the train part and predict the test part.

    Every arm is fitted with one thread and a seed of its own, made from the run's seed, the fold and the
    arm's name: neither the number of workers nor the other arms change a bit of it.
    """
    return fit_parts(task, cases.take(task.fold.train), cases.take(task.fold.test))


def fit_parts(task: FoldTask, train: Cases, test: Cases) -> FoldResult:
    """Fit every arm on a train part and predict a test part, which may be of another cohort."""
    from threadpoolctl import threadpool_limits

    fitted, fused = fit_arms(task, train)
    with threadpool_limits(limits=1):
        results = {name: _predict(arm, test, task) for name, arm in fitted.items()}
        results |= {name: _predict(arm, test, task) for name, arm in fused.items()}
        selected = selected_single_name(task.plans)
        if selected:
            chosen = choose_single(task, fitted)
            pairs = selected_inner_pairs({name: results[name].inner_pairs for name in _singles(task)})
            results[selected] = replace(results[chosen], chosen=chosen, inner_pairs=pairs)
        late = last_stack(fused)
        # of several classes a modality adds a score to each: no one number, and no one risk of a subset
        single = late if task.outcome_has_one_risk else None
        stacks = {} if single is None else subset_stacks(single, train, task.outcome, task.fold.inner)
        subsets = {subset: stack.risk(test) for subset, stack in stacks.items()}
        return FoldResult(
            repeat=task.fold.repeat,
            fold=task.fold.fold,
            arms=results,
            weights={} if late is None else late.modality_weights,
            contributions={} if single is None else single.contributions(test),
            subsets=subsets,
            subset_probabilities={
                subset: stack.calibration.probability(subsets[subset], task.times_days)
                for subset, stack in stacks.items()
            },
            attention_weights={
                name: arm.scorer.modality_weights(test)
                for name, arm in fitted.items()
                if hasattr(arm.scorer, "modality_weights")
            },
            attention=_attention(fitted, test, results),
        )


def fit_arms(
    task: FoldTask, train: Cases
) -> tuple[dict[str, FittedArm], dict[str, FittedLate | FittedResidual]]:
    """Fit every arm on a train part: those that learn from cases, and those that are fitted from arms."""
    from threadpoolctl import threadpool_limits

    fitted: dict[str, FittedArm] = {}
    fused: dict[str, FittedLate | FittedResidual] = {}
    with threadpool_limits(limits=1):
        for plan in task.plans:
            if plan.bases:
                fused[plan.name] = _fit_from_arms(plan, fitted, train, task)
            else:
                fitted[plan.name] = _fit_single(plan, train, task)
    return fitted, fused


def choose_single(task: FoldTask, fitted: Mapping[str, FittedArm]) -> str:
    """Return the arm of one modality with the highest C within the inner folds; ties go to the first."""
    return max(_singles(task), key=lambda name: inner_share(_inner_pairs(fitted[name], task)))


def highest_risk(risk: Float[np.ndarray, " case *classes"], present: Bool[np.ndarray, " case"]) -> int | None:
    """Return the row of the highest risk among the cases that have the modality, None where none has it.

    Of several classes: the row whose scores are furthest apart.
    """
    rows = np.flatnonzero(present)
    height = risk if risk.ndim == 1 else np.ptp(risk, axis=1)
    return int(rows[np.argmax(height[rows])]) if len(rows) else None


def _singles(task: FoldTask) -> list[str]:
    return [plan.name for plan in task.plans if is_single(plan)]


def _inner_pairs(arm: Fitted, task: FoldTask) -> InnerPairs:
    return count_inner_pairs(arm.oof_risk, task.outcome, task.fold.inner)


def _arm_seed(task: FoldTask, name: str) -> int:
    entropy = [task.seed, task.fold.repeat, task.fold.fold, zlib.crc32(name.encode("utf-8"))]
    return int(np.random.SeedSequence(entropy).generate_state(1)[0])


def _fit_single(plan: ArmPlan, train: Cases, task: FoldTask) -> FittedArm:
    learner = build_learner(plan.model, plan.modalities, dict(plan.options))
    per_cause = learner.per_cause
    learner = choosing_sets(learner, tuple(train.modalities))
    if per_cause and isinstance(task.outcome, Competing):
        horizon, seed = float(task.times_days[-1]), _arm_seed(task, plan.name)
        return fit_arm_of_causes(learner, train, task.outcome, task.fold.inner, seed, horizon)
    return fit_arm(learner, train, task.outcome, task.fold.inner, _arm_seed(task, plan.name))


def _fit_from_arms(
    plan: ArmPlan, fitted: Mapping[str, FittedArm], train: Cases, task: FoldTask
) -> FittedLate | FittedResidual:
    if plan.model == "residual":
        assert isinstance(task.outcome, Survival)  # its card says so, and arms of other kinds do not run
        base = fitted[plan.bases[0]]
        return fit_residual(base, plan.modalities[1:], train, task.outcome, task.fold.inner)
    return fit_late({name: fitted[name] for name in plan.bases}, train, task.outcome, task.fold.inner)


def last_stack(fused: Mapping[str, FittedLate | FittedResidual]) -> FittedLate | None:
    """Return the last fusion that weighs arms: whose weights are shown, and whose subsets are looked at."""
    return next((arm for arm in reversed(tuple(fused.values())) if isinstance(arm, FittedLate)), None)


def _predict(arm: Fitted, test: Cases, task: FoldTask) -> ArmResult:
    return ArmResult(
        risk=arm.risk(test),
        probability=arm.probability(test, task.times_days),
        train_median=float(np.median(arm.oof_risk)),
        train_cut=train_cut(arm.oof_risk, task.outcome),
        chosen=str(arm.chosen),
        inner_pairs=_inner_pairs(arm, task),
    )


def _attention(
    fitted: Mapping[str, FittedArm], test: Cases, results: Mapping[str, ArmResult]
) -> Attention | None:
    """Score the tiles of the test case to which the first arm that has attention gives the highest risk."""
    for name, arm in fitted.items():
        if not hasattr(arm.scorer, "attention"):
            continue
        row = highest_risk(results[name].risk, test.modalities[arm.modalities[0]].present)
        if row is None:
            return None
        return Attention(arm=name, case_id=test.case_ids[row], weights=arm.scorer.attention(test, row))
    return None
