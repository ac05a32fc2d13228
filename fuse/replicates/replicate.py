"""One replicate: a cohort altered, every cheap arm fitted on its train parts, and the C of its test parts.

Enters: the cohort's cases and outcomes, its folds, which alteration, its number. Leaves: C (or AUROC) within
folds of each arm. The same function gives the number of the cohort as it is, so that a permutation test
compares like with like. Networks are left out: they would take days.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float

from fuse.arm_plans import ArmPlan
from fuse.cases import Cases
from fuse.fitting import FoldTask, choose_single, fit_arms
from fuse.folds.folds import Fold
from fuse.metrics.ordered import ordered_pairs, share_in_order
from fuse.outcomes.outcomes import Outcome
from fuse.replicates.altered import Cohort, deal_conditionally, deal_outcomes, one_repeat, resample_cases
from fuse.roles import selected_single_name

Kind = Literal["as_it_is", "refit_bootstrap", "permutation", "conditional_permutation"]
KINDS: tuple[Kind, ...] = get_args(Kind)

ALTER: Mapping[Kind, Callable[[Cohort, np.random.Generator], Cohort]] = {
    "as_it_is": lambda cohort, _: cohort,
    "refit_bootstrap": resample_cases,
    "permutation": deal_outcomes,
    "conditional_permutation": deal_conditionally,
}

#: arm -> its risks of the test part of each fold.
Risks = Mapping[str, Sequence[Float[np.ndarray, " case *classes"]]]


@dataclass(frozen=True, kw_only=True)
class ReplicateTask:
    """What one worker needs beside the cases; `folds` are those of all repeats.

    `times_days` are the days that the run predicts at: arms of several causes rank by the incidence on the
    last of them. None are needed by others.
    """

    kind: Kind
    number: int
    outcome: Outcome
    folds: tuple[Fold, ...]
    plans: tuple[ArmPlan, ...]
    seed: int
    times_days: Float[np.ndarray, " time"] = field(default_factory=lambda: np.empty(0))


def cheap_plans(plans: Sequence[ArmPlan]) -> tuple[ArmPlan, ...]:
    """Return the arms that are fitted again: no network, nothing that reads tiles, and not the null model."""
    from fuse.models.registry import card_of

    kept: dict[str, ArmPlan] = {}
    for plan in plans:
        card = card_of(plan.model)
        learns = card.reads in ("values", "risks of other arms") and "torch" not in card.needs
        if learns and all(base in kept for base in plan.bases):
            kept[plan.name] = plan
    return tuple(kept.values())


def replicate(task: ReplicateTask, cases: Cases) -> dict[str, float]:
    """Return the C within folds of every arm on the altered cohort.

    Permutations keep the folds and the seed of the first repeat, so that everything but the dealing is as it
    was; resamples take the repeats in turn, so that their spread holds that of the folds.
    """
    number = task.number if task.kind == "refit_bootstrap" else 0
    cohort = Cohort(cases=cases, outcome=task.outcome, folds=one_repeat(task.folds, number))
    rng = np.random.default_rng([task.seed, zlib.crc32(task.kind.encode()), task.number])
    altered = ALTER[task.kind](cohort, rng)
    risks: dict[str, list[Float[np.ndarray, " case *classes"]]] = {}
    for fold in altered.folds:
        for name, risk in _fit(task, altered, fold).items():
            risks.setdefault(name, []).append(risk)
    return concordances(risks, altered.outcome, altered.folds)


def concordances(risks: Risks, outcome: Outcome, folds: Sequence[Fold]) -> dict[str, float]:
    """Return C within folds of each arm over the folds of one repeat: pairs in order / comparable pairs."""
    truths = [outcome.take(fold.test) for fold in folds]
    return {
        name: share_in_order(
            np.sum([ordered_pairs(risk, truth) for risk, truth in zip(of_folds, truths, strict=True)], axis=0)
        )
        for name, of_folds in risks.items()
    }


def _fit(task: ReplicateTask, altered: Cohort, fold: Fold) -> dict[str, Float[np.ndarray, " case *classes"]]:
    from threadpoolctl import threadpool_limits

    of_fold = FoldTask(
        fold=fold,
        outcome=altered.outcome.take(fold.train),
        plans=task.plans,
        times_days=task.times_days,
        seed=task.seed,
    )
    train, test = altered.cases.take(fold.train), altered.cases.take(fold.test)
    fitted, fused = fit_arms(of_fold, train)
    with threadpool_limits(limits=1):
        risks = {name: arm.risk(test) for name, arm in (*fitted.items(), *fused.items())}
    selected = selected_single_name(task.plans)
    if selected:
        risks[selected] = risks[choose_single(of_fold, fitted)]
    return risks
