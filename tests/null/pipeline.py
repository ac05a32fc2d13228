"""The pipeline that is put to the test: ridge Cox on each modality, and their stack.

Enters: a drawn cohort. Leaves: what a benchmark makes of it (folds, fits, roles, predictions and truths), in
memory: `fuse` computes every number, only files are left out, and what no test here looks at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from threadpoolctl import threadpool_limits

from fuse.arm_plans import ArmPlan
from fuse.cases import Cases, FoldPrediction, FoldTruth
from fuse.fitting import FoldTask, choose_single, fit_arms
from fuse.folds.folds import Fold, FoldPlan, Strata, make_folds
from fuse.inner_order import InnerPairs, count_inner_pairs, selected_inner_pairs
from fuse.metrics.comparison import Roles
from fuse.replicates.replicate import Kind as Alteration
from fuse.replicates.replicate import ReplicateTask, replicate
from fuse.roles import selected_single_name
from tests.null.cohorts import Drawn

#: Repeats, folds, inner folds: those of the shipped protocols, and fewer where a cohort is fitted 20 times.
SHIPPED, FEW = (3, 5, 4), (1, 3, 2)


@dataclass(frozen=True, kw_only=True)
class Said:
    """What one arm says after one train part: of the test part, of other cases, and within the train part."""

    risk: Float[np.ndarray, " test"]
    fresh: Float[np.ndarray, " fresh"]
    inner_pairs: InnerPairs


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """A cohort with its folds and arms."""

    drawn: Drawn
    folds: tuple[Fold, ...]
    plans: tuple[ArmPlan, ...]

    @property
    def roles(self) -> Roles:
        """Who is compared with whom."""
        singles = {plan.modalities[0]: plan.name for plan in self.plans if not plan.bases}
        return Roles(
            fusion=self.plans[-1].name,
            clinical=singles["clinical"],
            selected_single=selected_single_name(self.plans),
            singles=singles,
        )

    def fit(self, fresh: Cases | None = None) -> list[dict[str, Said]]:
        """Return what every arm says after each train part, of `fresh` cases too."""
        return [self._fit(fold, fresh) for fold in self.folds]

    def _fit(self, fold: Fold, fresh: Cases | None) -> dict[str, Said]:
        task = FoldTask(
            fold=fold,
            outcome=self.drawn.outcome.take(fold.train),
            plans=self.plans,
            times_days=np.empty(0),
            seed=0,
        )
        cases = self.drawn.cases
        fitted, fused = fit_arms(task, cases.take(fold.train))
        test = cases.take(fold.test)
        with threadpool_limits(limits=1):
            said = {
                name: Said(
                    risk=arm.risk(test),
                    fresh=np.empty(0) if fresh is None else arm.risk(fresh),
                    inner_pairs=count_inner_pairs(arm.oof_risk, task.outcome, fold.inner),
                )
                for name, arm in (*fitted.items(), *fused.items())
            }
        chosen = said[choose_single(task, fitted)]
        pairs = selected_inner_pairs({name: said[name].inner_pairs for name in fitted})
        own = Said(risk=chosen.risk, fresh=chosen.fresh, inner_pairs=pairs)
        return {**said, self.roles.selected_single: own}

    def predictions(self, said: Sequence[Mapping[str, Said]], arm: str) -> list[FoldPrediction]:
        """Return what an arm said of each test part; of probabilities nothing is asked here."""
        return [
            FoldPrediction(
                repeat=fold.repeat,
                fold=fold.fold,
                case_ids=tuple(self.drawn.cases.case_ids[row] for row in fold.test),
                risk=of_fold[arm].risk,
                times_days=np.ones(1),
                event_free=np.ones((len(fold.test), 1)),
                inner_pairs=of_fold[arm].inner_pairs,
            )
            for fold, of_fold in zip(self.folds, said, strict=True)
        ]

    def truths(self) -> list[FoldTruth]:
        """Return the outcomes of each fold."""
        outcome = self.drawn.outcome
        return [
            FoldTruth(
                repeat=fold.repeat,
                fold=fold.fold,
                test=outcome.take(fold.test),
                train=outcome.take(fold.train),
            )
            for fold in self.folds
        ]

    def altered(self, kind: Alteration, count: int) -> Iterator[dict[str, float]]:
        """Yield C of every arm on altered cohorts, one after the other."""
        for number in range(count):
            task = ReplicateTask(
                kind=kind,
                number=number,
                outcome=self.drawn.outcome,
                folds=self.folds,
                plans=self.plans,
                seed=0,
            )
            yield replicate(task, self.drawn.cases)


def build(drawn: Drawn, seed: int, divided: tuple[int, int, int] = SHIPPED) -> Pipeline:
    """Make folds, and plan an arm for each modality and their stack."""
    strata = Strata(outcome=drawn.outcome, sites=[None] * len(drawn.cases))
    repeats, folds, inner = divided
    plan = FoldPlan(inner=inner, seed=seed, repeats=repeats, folds=folds)
    names = tuple(drawn.cases.modalities)
    singles = tuple(ArmPlan(model="ridge_cox", modalities=(name,)) for name in names)
    late = ArmPlan(model="late", modalities=names, bases=tuple(single.name for single in singles))
    made = make_folds(drawn.cases.case_ids, strata, plan).folds
    return Pipeline(drawn=drawn, folds=made, plans=(*singles, late))
