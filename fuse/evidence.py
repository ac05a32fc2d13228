"""Evaluation of a run: sealed predictions and the outcomes opened after them, into metrics and a verdict.

Enters: the sealed prediction files, the door, the folds, and the roles that were fixed before. Leaves:
metrics.csv, comparisons.csv, curves.json and verdict.json in the run's folder. Nothing is fitted here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from fuse.cases import FoldPrediction, FoldTruth
from fuse.endpoint import OutcomeDoor
from fuse.files import write_csv, write_json
from fuse.folds import Folds
from fuse.metrics.censoring import choose_horizon
from fuse.metrics.comparison import Roles, compare_planned
from fuse.metrics.evaluation import MetricRow, evaluate_arm, evaluate_singles
from fuse.metrics.kaplan_meier import curve_of_group
from fuse.metrics.scored import join
from fuse.outcomes import Survival
from fuse.predictions import read_predictions
from fuse.verdict import Evidence, judge

METRIC_COLUMNS = ("arm", "metric", "estimate", "low", "high", "method", "n_cases", "n_events")
COMPARISON_COLUMNS = ("first", "second", "metric", "difference", "low", "high", "method", "named_before")


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What an evaluation needs beside the predictions. `titles` are the readable names of arms."""

    folder: Path
    door: OutcomeDoor
    folds: Folds
    roles: Roles
    titles: Mapping[str, str]
    seed: int

    @property
    def horizon_days(self) -> float:
        """The horizon that was fixed beforehand."""
        return self.door.horizon_days()


def evaluate_run(
    plan: Evaluation, sealed: Mapping[str, tuple[Path, str]], cuts: Mapping[tuple[int, int], float]
) -> None:
    """Evaluate every arm and write the four files.

    Parameters
    ----------
    sealed
        Arm -> its prediction file and the sha256 it had when it was written.
    cuts
        (repeat, fold) -> median out-of-fold risk of the train part, for the arm that the curves are of.
    """
    predictions = {name: read_predictions(path) for name, (path, _) in sealed.items()}
    truths = open_truths(plan, next(iter(predictions.values())), dict(sealed.values()))
    metrics = {
        name: evaluate_arm(folds, truths, plan.horizon_days, plan.seed) for name, folds in predictions.items()
    }
    write_csv(plan.folder / "metrics.csv", METRIC_COLUMNS, _metric_rows(metrics))
    comparisons = compare_planned(predictions, truths, plan.roles, plan.horizon_days, plan.seed)
    write_csv(
        plan.folder / "comparisons.csv",
        COMPARISON_COLUMNS,
        [list(asdict(row).values()) for row in comparisons],
    )
    tested = join(next(iter(predictions.values())), truths).outcome
    horizon = choose_horizon(tested, plan.horizon_days)
    verdict = judge(
        Evidence(
            roles=plan.roles,
            metrics=metrics,
            comparisons=comparisons,
            n_cases=len(tested),
            n_events=int(tested.event.sum()),
            horizon=horizon,
            alone=evaluate_singles(predictions, truths, plan.roles.singles),
            titles=plan.titles,
        )
    )
    write_json(plan.folder / "verdict.json", verdict.as_dict())
    _write_curves(plan, predictions, truths, cuts, horizon.days)


def open_truths(
    plan: Evaluation, predictions: Sequence[FoldPrediction], sealed: Mapping[Path, str]
) -> list[FoldTruth]:
    """Open the outcomes of every test part, rows in the order of the predictions."""
    parts = {(fold.repeat, fold.fold): fold for fold in plan.folds.folds}
    truths = []
    for prediction in predictions:
        train = parts[prediction.repeat, prediction.fold].train
        truths.append(
            FoldTruth(
                repeat=prediction.repeat,
                fold=prediction.fold,
                test=plan.door.evaluation(prediction.case_ids, sealed),
                train=plan.door.training([plan.folds.case_ids[row] for row in train]),
            )
        )
    return truths


def curve_arm(roles: Roles, arms: Sequence[str]) -> str:
    """Return the arm whose groups are drawn: fusion, else the selected single modality, else the last."""
    return roles.fusion or roles.selected_single or arms[-1]


def _metric_rows(metrics: Mapping[str, Sequence[MetricRow]]) -> list[list[str | int | float]]:
    return [
        [arm, row.metric, row.estimate, row.low, row.high, row.method, row.n_cases, row.n_events]
        for arm, rows in metrics.items()
        for row in rows
    ]


def _write_curves(
    plan: Evaluation,
    predictions: Mapping[str, Sequence[FoldPrediction]],
    truths: Sequence[FoldTruth],
    cuts: Mapping[tuple[int, int], float],
    horizon_days: float,
) -> None:
    """Write the Kaplan-Meier curves of the first repeat, in which every case is predicted once."""
    arm = curve_arm(plan.roles, list(predictions))
    first = min(prediction.repeat for prediction in predictions[arm])
    higher, outcomes = [], []
    for prediction, truth in zip(predictions[arm], truths, strict=True):
        if prediction.repeat == first:
            higher.append(prediction.risk > cuts[prediction.repeat, prediction.fold])
            outcomes.append(truth.test)
    is_higher = np.concatenate(higher)
    outcome = Survival(
        event=np.concatenate([part.event for part in outcomes]),
        time_days=np.concatenate([part.time_days for part in outcomes]),
    )
    days = np.linspace(0.0, horizon_days, 5)
    groups = [
        curve_of_group(name, outcome.take(np.flatnonzero(rows)), days)
        for name, rows in (("higher predicted risk", is_higher), ("lower predicted risk", ~is_higher))
        if rows.any()
    ]
    rule = (
        "A test case is in the group of higher predicted risk if its risk is above the median of the "
        f"out-of-fold risks of its own train part. Repeat {first}, in which each case is tested once."
    )
    write_json(plan.folder / "curves.json", {"arm": arm, "groups": groups, "rule": rule})
