"""Added value: what each rung reaches, and what it adds to the risk score or the clinical values.

Enters: the rungs (`rungs.py`), what was said of them before, and the outcomes of the test parts. Leaves:
added_value.csv (order, prediction accuracy, net benefit and who is reclassified at the declared thresholds)
and decision_curves.csv. Thresholds come from the card, so they were fixed before anything was fitted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float

from fuse.evidence.evaluation_plan import Evaluated
from fuse.evidence.rungs import Rung
from fuse.files import write_csv
from fuse.folds.folds import Folds
from fuse.metrics.comparison import Roles
from fuse.metrics.decision import reclassify, share_of_event, treat_all
from fuse.metrics.intervals import Interval, bootstrap, draw_resamples
from fuse.metrics.late_entry import NOT_WEIGHED
from fuse.metrics.one_fold import bootstrap_order
from fuse.metrics.order_intervals import primary_interval
from fuse.metrics.rung_scores import OpenedCases, OpenedFold, accuracy_of, benefit_of, order_of
from fuse.outcomes.endpoint import OutcomeDoor
from fuse.outcomes.outcomes import Survival

ADDED_VALUE, DECISION_CURVES = "added_value.csv", "decision_curves.csv"
COLUMNS = (
    *("rung", "words", "modalities", "against", "metric", "threshold"),
    *("estimate", "low", "high", "method"),
)
CURVE_COLUMNS = ("curve", "words", "threshold", "net_benefit")
NET_BENEFIT, ACCURACY = "net_benefit", "ipa"
MOVED = ("moved_up_per_100", "moved_down_per_100", "event_share_of_moved_up", "event_share_of_moved_down")
TREAT_ALL = "treat_all"
GRID_STEP = 0.01

#: A row without `rung`, `words` and `modalities`: against whom, metric, threshold, estimate, interval.
Found = tuple[str, str, float | None, float, Interval]

_NONE = Interval(low=float("nan"), high=float("nan"), method="")


@dataclass(frozen=True, kw_only=True)
class AddedValue:
    """What is measured: the rungs, the tested cases, what was evaluated of arms, declared thresholds."""

    rungs: tuple[Rung, ...]
    tested: OpenedCases
    evaluated: Evaluated
    roles: Roles
    thresholds: Float[np.ndarray, " threshold"]

    @property
    def metric(self) -> str:
        """The metric of order: C, or AUROC."""
        return self.evaluated.measure.metric

    @property
    def enters_late(self) -> bool:
        """Whether some of the tested cases came under observation after the others."""
        outcome = self.tested.outcome
        return isinstance(outcome, Survival) and outcome.entry_days is not None

    @cached_property
    def references(self) -> tuple[Rung, ...]:
        """What a rung is held against: the published score and the clinical values, where they ran."""
        named = (self.roles.published_score, self.roles.clinical)
        return tuple(rung for rung in self.rungs if rung.arm and rung.arm in named)

    @cached_property
    def benefits(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Net benefit of each rung at the declared thresholds: (threshold,), and (sample, threshold)."""
        return {rung.name: self._benefit(rung) for rung in self.rungs}

    @cached_property
    def accuracies(self) -> dict[str, tuple[float, np.ndarray]]:
        """Prediction accuracy of each rung, and of its resamples (sample,)."""
        return {
            rung.name: accuracy_of([said.probability for said in rung.folds], self.tested)
            for rung in self.rungs
        }

    def _benefit(self, rung: Rung) -> tuple[np.ndarray, np.ndarray]:
        said = [one.probability for one in rung.folds]
        once = benefit_of(said, self.thresholds, self.tested, self.tested.once)[0]
        return once, benefit_of(said, self.thresholds, self.tested, self.tested.counts)


def write_added_value(folder: Path, value: AddedValue) -> None:
    """Write both tables; without a rung, or of more than two classes, they have no row."""
    rows = [
        (rung.name, rung.words, "+".join(rung.modalities), *_line(_honoured(found, value)))
        for rung in value.rungs
        for found in (*_reached(rung, value), *_added(rung, value))
    ]
    write_csv(folder / ADDED_VALUE, COLUMNS, rows)
    curves = [] if value.enters_late else list(_curves(value))
    write_csv(folder / DECISION_CURVES, CURVE_COLUMNS, curves)


def _honoured(found: Found, value: AddedValue) -> Found:
    """Return a row as it is, without its value where delayed entry makes it wrong: only order is kept."""
    against, metric, threshold, *_ = found
    if not value.enters_late or metric == value.metric:
        return found
    none = float("nan")
    return against, metric, threshold, none, Interval(low=none, high=none, method=NOT_WEIGHED)


def open_cases(
    folds: Folds,
    door: OutcomeDoor,
    sealed: Mapping[Path, str],
    day: float | None,
    *,
    seed: int,
    external: bool = False,
) -> OpenedCases:
    """Open the outcomes of the test parts against the seal of what was said of them.

    Where they are of another cohort (`external`), censoring weights and the share to beat are its own. Cases
    stand in the order of their ids and are resampled by the run's seed: the same resamples, and so the same
    intervals, as in metrics.csv.
    """
    tested = {int(row) for fold in folds.folds for row in fold.test}
    rows = sorted(tested, key=lambda row: folds.case_ids[row])
    place = {row: number for number, row in enumerate(rows)}
    outcome = door.evaluation([folds.case_ids[row] for row in rows], sealed)
    opened = []
    for fold in folds.folds:
        own = np.array([place[int(row)] for row in fold.test])
        test = outcome.take(own)
        train = test if external else door.training([folds.case_ids[row] for row in fold.train])
        opened.append(OpenedFold(repeat=fold.repeat, fold=fold.fold, rows=own, test=test, train=train))
    return OpenedCases(
        outcome=outcome,
        folds=tuple(opened),
        day=day,
        share=share_of_event(outcome, day),
        counts=draw_resamples(len(rows), seed),
    )


def _reached(rung: Rung, value: AddedValue) -> Iterator[Found]:
    """Yield what a rung reaches by itself; of arms the order is that of metrics.csv."""
    row = next((row for row in value.evaluated.metrics.get(rung.arm, ()) if row.metric == value.metric), None)
    if row is not None:
        yield "", value.metric, None, row.estimate, Interval(low=row.low, high=row.high, method=row.method)
    else:
        yield "", value.metric, None, *_order(rung, value)
    accuracy, resampled = value.accuracies[rung.name]
    yield "", ACCURACY, None, accuracy, bootstrap(resampled, _note(value))
    once, drawn = value.benefits[rung.name]
    for place, threshold in enumerate(value.thresholds):
        interval = bootstrap(drawn[:, place], _note(value))
        yield "", NET_BENEFIT, float(threshold), float(once[place]), interval


def _added(rung: Rung, value: AddedValue) -> Iterator[Found]:
    """Yield what a rung has more than each reference, and whom it moves across the thresholds."""
    for other in value.references:
        if other.name == rung.name:
            return
        yield other.name, value.metric, None, *_order_gained(rung, other, value)
        (ours, drawn), (theirs, theirs_drawn) = value.accuracies[rung.name], value.accuracies[other.name]
        yield other.name, ACCURACY, None, ours - theirs, bootstrap(drawn - theirs_drawn, _paired(value))
        mine, their = value.benefits[rung.name], value.benefits[other.name]
        for place, threshold in enumerate(value.thresholds):
            interval = bootstrap(mine[1][:, place] - their[1][:, place], _paired(value))
            yield other.name, NET_BENEFIT, float(threshold), float(mine[0][place] - their[0][place]), interval
            for metric, moved in zip(MOVED, _moved(rung, other, float(threshold), value), strict=True):
                yield other.name, metric, float(threshold), moved, _NONE


def _order(rung: Rung, value: AddedValue) -> tuple[float, Interval]:
    """Return the order that a subset reaches; no subset was named before, so its interval only describes."""
    risks = [said.risk for said in rung.folds]
    order = order_of(risks, value.tested)
    if len(risks) == 1:
        return order.share(), bootstrap_order(risks, value.tested.folds[0].test)
    return primary_interval([order])


def _order_gained(rung: Rung, other: Rung, value: AddedValue) -> tuple[float, Interval]:
    """Return the difference in order; of a comparison that was named before, that of comparisons.csv."""
    for row in value.evaluated.comparisons:
        named = (row.first, row.second, row.metric) == (rung.arm, other.arm, value.metric)
        if named and row.named_before:
            return row.difference, Interval(low=row.low, high=row.high, method=row.method)
    risks = [[said.risk for said in one.folds] for one in (rung, other)]
    ours, theirs = (order_of(of_one, value.tested) for of_one in risks)
    if len(value.tested.folds) == 1:
        paired = bootstrap_order([of_one[0] for of_one in risks], value.tested.folds[0].test)
        return ours.share() - theirs.share(), paired
    return primary_interval([ours, theirs])


def _moved(rung: Rung, other: Rung, threshold: float, value: AddedValue) -> tuple[float, ...]:
    """Return who is moved up and down, of 100 cases, and the share with the event among each."""
    tested, of_repeats = value.tested, []
    for places in tested.repeats():
        before, after = (
            np.concatenate([one.folds[place].probability for place in places]) for one in (other, rung)
        )
        moved = reclassify(before, after, threshold, tested.share_among(tested.rows_of(places)))
        of_repeats.append((moved.up, moved.down, moved.event_share_up, moved.event_share_down))
    columns = [[value for value in column if np.isfinite(value)] for column in zip(*of_repeats, strict=True)]
    return tuple(float(np.mean(column)) if column else float("nan") for column in columns)


def _curves(value: AddedValue) -> Iterator[tuple[str, str, float, float]]:
    """Yield net benefit over a grid: of the references and the fusion, and of treating everybody."""
    tested = value.tested
    drawn = [rung for rung in value.rungs if rung in value.references or rung.arm == value.roles.fusion != ""]
    if not drawn:
        return
    grid = _grid(value)
    for rung in drawn:
        benefit = benefit_of([said.probability for said in rung.folds], grid, tested, tested.once)[0]
        for threshold, gained in zip(grid.tolist(), benefit.tolist(), strict=True):
            yield rung.name, rung.words, threshold, gained
    every = treat_all(grid, tested.share, tested.once)[0]
    for threshold, gained in zip(grid.tolist(), every.tolist(), strict=True):
        yield TREAT_ALL, "treat all", threshold, gained


def _grid(value: AddedValue) -> Float[np.ndarray, " threshold"]:
    """Return the thresholds of the curves: up to where acting on everybody costs more than it could gain."""
    tested = value.tested
    share = float(tested.share(np.arange(len(tested.outcome)), tested.once)[0])
    highest = min(0.95, max(2.5 * share, 0.2, 1.25 * max(value.thresholds, default=0.0)))
    return np.round(np.arange(GRID_STEP, highest + GRID_STEP, GRID_STEP), 2)


def _note(value: AddedValue) -> str:
    return "" if value.tested.day is None else f"day {value.tested.day:g}"


def _paired(value: AddedValue) -> str:
    return "; ".join(part for part in ("paired", _note(value)) if part)


def _line(found: Found) -> tuple[str | float | None, ...]:
    against, metric, threshold, estimate, interval = found
    numbers = (value if np.isfinite(value) else None for value in (estimate, interval.low, interval.high))
    return against, metric, threshold, *numbers, interval.method
