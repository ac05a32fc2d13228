"""Evaluation of a run: sealed predictions and the outcomes opened after them, into metrics and a verdict.

Enters: the sealed prediction files, the door, the folds, and the roles that were fixed before. Leaves:
metrics.csv, comparisons.csv, curves.json and verdict.json in the run's folder. Nothing is fitted here.
`of_times.py` and `of_classes.py` know what is counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple
from pathlib import Path

from fuse.evidence.evaluation_plan import Evaluated, Evaluation
from fuse.evidence.interval_table import COLUMNS, INTERVALS
from fuse.evidence.of_classes import evaluate_classes
from fuse.evidence.of_times import evaluate_times
from fuse.files import write_csv, write_json
from fuse.metrics.comparison import Roles
from fuse.metrics.evaluation import MetricRow
from fuse.verdict.verdict import Evidence, judge

__all__ = ["Evaluation", "curve_arm", "evaluate_run"]

METRIC_COLUMNS = ("arm", "metric", "estimate", "low", "high", "method", "n_cases", "n_events")
COMPARISON_COLUMNS = ("first", "second", "metric", "difference", "low", "high", "method", "named_before")


def evaluate_run(
    plan: Evaluation, sealed: Mapping[str, tuple[Path, str]], cuts: Mapping[tuple[int, int], float]
) -> Evaluated:
    """Evaluate every arm, write the files and return what they hold.

    Parameters
    ----------
    sealed
        Arm -> its prediction file and the sha256 it had when it was written.
    cuts
        (repeat, fold) -> median out-of-fold risk of the train part, for the arm that the curves are of (no
        use for classes, which have no curves).
    """
    if plan.door.has_times:
        evaluated = evaluate_times(plan, sealed, curve_arm(plan.roles, list(sealed)), cuts)
    else:
        evaluated = evaluate_classes(plan, sealed, curve_arm(plan.roles, list(sealed)))
    write_csv(plan.folder / "metrics.csv", METRIC_COLUMNS, _metric_rows(evaluated.metrics))
    write_csv(
        plan.folder / "comparisons.csv",
        COMPARISON_COLUMNS,
        [list(asdict(row).values()) for row in evaluated.comparisons],
    )
    write_csv(plan.folder / INTERVALS, COLUMNS, [astuple(row) for row in evaluated.intervals])
    verdict = judge(
        Evidence(
            roles=plan.roles,
            metrics=evaluated.metrics,
            comparisons=evaluated.comparisons,
            n_cases=len(evaluated.tested),
            n_events=evaluated.tested.n_events,
            horizon=evaluated.horizon,
            alone=evaluated.alone,
            titles=plan.titles,
            measure=evaluated.measure,
            classes=evaluated.classes,
            external=plan.external,
        )
    )
    write_json(plan.folder / "verdict.json", verdict.as_dict())
    write_json(plan.folder / "curves.json", evaluated.curves)
    return evaluated


def curve_arm(roles: Roles, arms: Sequence[str]) -> str:
    """Return the arm whose groups are drawn: fusion, else the selected single modality, else the last."""
    return roles.fusion or roles.selected_single or arms[-1]


def _metric_rows(metrics: Mapping[str, Sequence[MetricRow]]) -> list[list[str | int | float | None]]:
    return [
        [arm, row.metric, row.estimate, row.low, row.high, row.method, row.n_cases, row.n_events]
        for arm, rows in metrics.items()
        for row in rows
    ]
