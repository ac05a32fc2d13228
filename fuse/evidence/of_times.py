"""The evidence of a run on times: to an event, to the first of several causes, or simply times.

Enters: the plan of the evaluation and the sealed files. Leaves: metrics, comparisons, and the curves of two
groups that were cut on each train part (`curves.py`). Causes beside the one of interest are never taken
as censoring.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fuse.cases import FoldTruth
from fuse.evidence.curves import Drawn, describe_curves
from fuse.evidence.evaluation_plan import Evaluated, Evaluation
from fuse.evidence.interval_table import IntervalInputs, interval_rows
from fuse.metrics.censoring import choose_horizon
from fuse.metrics.comparison import compare_planned
from fuse.metrics.competing import (
    compare_competing,
    evaluate_competing_arm,
    keep_all_at_risk,
)
from fuse.metrics.evaluation import evaluate_arm, evaluate_singles
from fuse.metrics.late_entry import keep_compared_risk_sets, keep_risk_sets
from fuse.metrics.scored import join
from fuse.metrics.time_error import evaluate_time_error
from fuse.outcomes.outcomes import Classes, Outcome, Survival
from fuse.run.predictions import read_predictions
from fuse.verdict.words import C_MEASURE


def evaluate_times(
    plan: Evaluation,
    sealed: Mapping[str, tuple[Path, str]],
    drawn: str,
    cuts: Mapping[tuple[int, int], float],
) -> Evaluated:
    """Evaluate every arm of a run on an endpoint with times; `drawn` is the arm that the curves are of."""
    predictions = {name: plan.with_inner(name, read_predictions(path)) for name, (path, _) in sealed.items()}
    one = next(iter(predictions.values()))
    truths = [
        FoldTruth(
            repeat=fold.repeat,
            fold=fold.fold,
            test=_times(test),
            train=_times(train),
            external=plan.external,
        )
        for fold, test, train in plan.open_outcomes(one, sealed)
    ]
    kind, declared = plan.door.declared.kind, plan.door.horizon_days() or 0.0
    further = plan.door.declared.horizons_days
    tested: Survival = join(one, truths).outcome
    if kind == "competing":
        kept = keep_all_at_risk(truths)
        metrics = {
            name: evaluate_competing_arm(said, truths, declared, plan.seed, further)
            for name, said in predictions.items()
        }
        comparisons = compare_competing(predictions, truths, plan.roles, declared, plan.seed)
    else:
        kept = truths
        metrics = {
            name: evaluate_arm(said, truths, declared, plan.seed, further)
            for name, said in predictions.items()
        }
        comparisons = compare_planned(predictions, truths, plan.roles, declared, plan.seed)
    if kind == "time":
        metrics = {
            name: [*rows, evaluate_time_error(predictions[name], truths, plan.seed)]
            for name, rows in metrics.items()
        }
    if tested.entry_days is not None:
        causes = kind == "competing"
        metrics = {name: keep_risk_sets(rows, of_causes=causes) for name, rows in metrics.items()}
        comparisons = keep_compared_risk_sets(comparisons, of_causes=causes)
    horizon = choose_horizon(tested, declared)
    return Evaluated(
        metrics=metrics,
        comparisons=comparisons,
        alone=evaluate_singles(predictions, kept, plan.roles.singles),
        intervals=interval_rows(
            IntervalInputs(
                arms={name: join(said, kept) for name, said in predictions.items()},
                roles=plan.roles,
                metric=C_MEASURE.metric,
                seed=plan.seed,
                refits=plan.refits,
            )
        ),
        tested=tested,
        horizon=horizon,
        measure=C_MEASURE,
        curves=describe_curves(
            Drawn(
                arm=drawn,
                said=predictions[drawn],
                truths=truths,
                cuts=cuts,
                days=(*(day for day in further if day < horizon.days), horizon.days),
            )
        ),
    )


def _times(outcome: Outcome) -> Survival:
    if isinstance(outcome, Classes):
        raise TypeError("the outcomes of an endpoint with times have times")
    return outcome
