"""One cohort of a situation, judged: every arm fitted on all of it, scored on 20,000 fresh cases.

Enters: a situation, a size, a seed, a protocol. Leaves: C of every arm on fresh cases. The cohort stands for
the train part of one fold, so the fitting of a benchmark is what is measured: whatever a protocol says, with
inner folds made as a benchmark makes them. Cases are held in memory; a test shows that a cache of the same
cohort is read as bitwise the same arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float
from threadpoolctl import threadpool_limits

from feature_cache.card import CohortCard
from fuse.arm_plans import ArmPlan, plan_arms
from fuse.cases import Bags, Cases, Modality
from fuse.fitting import FoldTask, fit_arms
from fuse.folds.folds import Fold, FoldPlan, Strata, make_inner
from fuse.fusion.late import FittedLate
from fuse.fusion.residual import FittedResidual
from fuse.models.registry import card_of
from fuse.protocol import Protocol, read_protocol
from fuse.roles import assign_roles
from tests.planted.modalities import CLINICAL, OMICS, SLIDES
from tests.planted.reference import informed_blocks, reference_risk, told_blocks
from tests.planted.situations import FRESH, SITUATIONS, Planted, Situation, draw
from tests.planted.written import CARD

MODALITIES = (CLINICAL, OMICS, SLIDES)
#: What is no arm: a pipeline that knows which modalities matter, one that knows which columns do, the truth.
REFERENCE, INFORMED, TRUTH = "reference", "informed", "true hazard"

#: Arms that are judged in any case, beside those of the protocol.
CHEAP = str(Path(__file__).parent / "cheap.yaml")


@dataclass(frozen=True, kw_only=True)
class Judged:
    """C on fresh cases: of every arm, and under `REFERENCE`, `INFORMED`, `TRUTH` of what is no arm.

    `complete`: the same on the same fresh cases before any modality was taken away; equal where none was.
    `without_noise`: the recommended arm's where the modality of noise was never there, else None.
    """

    situation: str
    size: int
    seed: int
    recommended: str
    c: dict[str, float]
    complete: dict[str, float]
    without_noise: float | None = None


def judge_cheap(situation: str, size: int, seed: int, protocol: str) -> Judged:
    """Judge the arms without a network."""
    chosen = read_protocol(protocol)
    planted = draw(SITUATIONS[situation], size, seed)
    plans = cheap_plans(chosen, MODALITIES)
    recommended = recommended_arm(chosen, MODALITIES)
    judged = judge(planted, seed, plans, recommended, inner_folds=chosen.inner)
    if OMICS in planted.situation.informative:
        return judged
    rest = tuple(name for name in MODALITIES if name in planted.situation.informative)
    less = judge(planted, seed, cheap_plans(chosen, rest), "", inner_folds=chosen.inner)
    return replace(judged, without_noise=less.c[recommended_arm(chosen, rest)])


def judge(
    planted: Planted,
    seed: int,
    plans: Sequence[ArmPlan],
    recommended: str,
    *,
    inner_folds: int,
) -> Judged:
    """Fit all plans on the cohort and score them, with the reference pipelines, on fresh cases."""
    situation, size = planted.situation, len(planted.cases)
    tiles = any(reads_tiles(plan) for plan in plans)
    before = (situation,) if not situation.lacking else (situation, replace(situation, lacking=""))
    parts = [fresh_cases(one, tiles) for one in before]
    fold = whole_cohort_fold(planted, seed, inner_folds)
    task = FoldTask(fold=fold, outcome=planted.outcome, plans=tuple(plans), times_days=np.empty(0), seed=seed)
    fitted, fused = fit_arms(task, planted.cases)
    test = joined([part.cases for part in parts], tiles=tiles)
    with threadpool_limits(limits=1):
        risks = {name: arm.risk(test) for name, arm in fitted.items()}
        risks |= {name: remembering(arm, risks).risk(test) for name, arm in fused.items()}
    for name, blocks_of in ((REFERENCE, told_blocks), (INFORMED, informed_blocks)):
        blocks = [blocks_of(one) for one in (planted, *parts)]
        columns = [np.concatenate(each) for each in zip(*blocks, strict=True)]
        risks[name] = reference_risk(columns, planted.outcome, fold.inner)
    risks[TRUTH] = np.concatenate([part.log_hazard for part in parts])
    scores = [
        {name: fresh_concordance(risk[place * FRESH :][:FRESH], part) for name, risk in risks.items()}
        for place, part in enumerate(parts)
    ]
    return Judged(
        situation=situation.name,
        size=size,
        seed=seed,
        recommended=recommended,
        c=scores[0],
        complete=scores[-1],
    )


@dataclass(frozen=True)
class Said:
    """A scorer that was asked about these cases before: most of the time would go into asking it again."""

    said: Float[np.ndarray, " case"]

    def risk(self, cases: Cases) -> Float[np.ndarray, " case"]:
        """Return what was said."""
        return self.said


def remembering(
    arm: FittedLate | FittedResidual, risks: Mapping[str, Float[np.ndarray, " case"]]
) -> FittedLate | FittedResidual:
    """Return a stack whose arms remember what they said."""
    if not isinstance(arm, FittedLate):
        return arm
    arms = {name: replace(one, scorer=Said(risks[name])) for name, one in arm.arms.items()}
    return replace(arm, arms=arms)


def cheap_plans(protocol: Protocol, modalities: Sequence[str]) -> tuple[ArmPlan, ...]:
    """Return the arms of a protocol that need no network, and those of cheap.yaml that it does not have."""
    plans = {plan.name: plan for plan in plan_arms(protocol, modalities, card()) if is_cheap(plan)}
    for plan in plan_arms(read_protocol(CHEAP), modalities, card()):
        plans.setdefault(plan.name, plan)
    return tuple(plans.values())


def recommended_arm(protocol: Protocol, modalities: Sequence[str]) -> str:
    """Return the arm that a protocol reports as its fusion."""
    return assign_roles(protocol, plan_arms(protocol, modalities, card()), "").fusion


def is_cheap(plan: ArmPlan) -> bool:
    """Return whether an arm is neither a network nor the null model."""
    return "torch" not in card_of(plan.model).needs and plan.model != "null"


def reads_tiles(plan: ArmPlan) -> bool:
    """Return whether an arm may look at bags; where none does they are not copied."""
    return card_of(plan.model).reads == "tiles"


def card() -> CohortCard:
    """Return the card of the planted cohorts."""
    return CohortCard.model_validate(CARD)


def whole_cohort_fold(planted: Planted, seed: int, inner: int) -> Fold:
    """Return a fold whose train part is the whole cohort."""
    train = np.arange(len(planted.cases))
    strata = Strata(outcome=planted.outcome, sites=[None] * len(train))
    plan = FoldPlan(repeats=1, folds=2, inner=inner, seed=seed)
    return Fold(
        repeat=1,
        fold=1,
        train=train,
        test=np.empty(0, dtype=np.int64),
        inner=make_inner(strata, train, plan, (1, 1)),
    )


@lru_cache(maxsize=2)
def fresh_cases(situation: Situation, tiles: bool) -> Planted:
    """Return the fresh cases of a situation: the same for every cohort that is drawn from it."""
    drawn = draw(situation, FRESH, 0, "fresh")
    return drawn if tiles else replace(drawn, cases=joined([drawn.cases], tiles=False))


def joined(parts: Sequence[Cases], *, tiles: bool) -> Cases:
    """Return the cases of all parts below each other, with their bags or without."""
    return Cases(
        case_ids=tuple(case for part in parts for case in part.case_ids),
        modalities={
            name: _below([part.modalities[name] for part in parts], tiles) for name in parts[0].modalities
        },
    )


def _below(parts: Sequence[Modality], tiles: bool) -> Modality:
    bags = [part.bags for part in parts if part.bags is not None and tiles]
    offset = np.cumsum([0, *(len(bag.tiles) for bag in bags)])[:-1]
    return replace(
        parts[0],
        present=np.concatenate([part.present for part in parts]),
        values=np.concatenate([part.values for part in parts]),
        bags=Bags(
            tiles=np.concatenate([bag.tiles for bag in bags]),
            start=np.concatenate([bag.start + more for bag, more in zip(bags, offset, strict=True)]),
            stop=np.concatenate([bag.stop + more for bag, more in zip(bags, offset, strict=True)]),
        )
        if bags
        else None,
    )


def fresh_concordance(risk: Float[np.ndarray, " case"], fresh: Planted) -> float:
    """Return C of risks against the event times of fresh cases, nothing censored; equal risks count 1/2.

    By Kendall's tau-b (scipy, n log n): concordant - discordant pairs are tau-b times the root of the product
    of the pairs not tied in either.
    """
    from scipy.stats import kendalltau

    pairs = len(risk) * (len(risk) - 1) / 2
    untied = [pairs - _tied(values) for values in (risk, fresh.time_days)]
    if untied[0] == 0:
        return 0.5
    excess = float(kendalltau(risk, -fresh.time_days).statistic) * np.sqrt(untied[0] * untied[1])
    return float(0.5 + excess / untied[1] / 2)


def _tied(values: Float[np.ndarray, " case"]) -> float:
    counts = np.unique(values, return_counts=True)[1].astype(float)
    return float(np.sum(counts * (counts - 1) / 2))
