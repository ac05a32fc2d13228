"""What each subset of the modalities reaches, and what each modality is worth: its Shapley value.

Enters: what the last stack said of each test case from every subset of its modalities. Leaves:
subset_predictions.csv, sealed before an outcome of a test part is opened; subsets.csv, C (AUROC of classes)
of every subset; shapley.csv, the share of C above one half that each modality is due, averaged over all
orders in which modalities could have come (Shapley 1953). A weight says what a stack made of a modality; this
says what it gained by it, and redundant modalities share what they both know. Arms of several modalities at
once are in the set of all alone, so what they find is divided evenly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import factorial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from feature_cache.canonical import sha256_of_file
from fuse.files import write_csv
from fuse.fitting import FoldResult
from fuse.folds.folds import Folds
from fuse.metrics.case_pairs import pairs_by_case
from fuse.metrics.fold_order import ArmOrder, FoldOrder, rarer
from fuse.metrics.intervals import Interval, bootstrap, draw_resamples
from fuse.metrics.one_fold import SEED, resample_order
from fuse.metrics.order_error import OrderError, jackknife_error, order_error
from fuse.metrics.order_intervals import primary_of
from fuse.outcomes.endpoint import OutcomeDoor

PREDICTIONS = "subset_predictions.csv"
SUBSET_COLUMNS = ("modalities", "estimate", "low", "high", "interval")
SHAPLEY_COLUMNS = ("modality", "estimate", "low", "high", "interval")

Subset = tuple[str, ...]


def seal_subsets(
    folder: Path,
    results: Sequence[FoldResult],
    folds: Folds,
    of_event: Callable[[Float[np.ndarray, "case column"]], Float[np.ndarray, " case"]],
) -> dict[Path, str]:
    """Write what every subset says of the test parts and return the file's seal, before any is opened.

    `of_event` reads the probability of the event (by the day in use) off all that was predicted.
    """
    path = folder / PREDICTIONS
    rows = [
        (fold.repeat, fold.fold, folds.case_ids[case], "+".join(subset), float(value), float(probability))
        for fold, result in zip(folds.folds, results, strict=True)
        for subset, risk in result.subsets.items()
        for case, value, probability in zip(
            fold.test, risk, of_event(result.subset_probabilities[subset]), strict=True
        )
    ]
    write_csv(path, ("repeat", "fold", "case_id", "modalities", "risk", "probability"), rows)
    return {path: sha256_of_file(path)}


def write_modality_values(
    results: Sequence[FoldResult], folds: Folds, door: OutcomeDoor, sealed: Mapping[Path, str]
) -> None:
    """Write both tables beside the sealed file.

    Without a stack they have no row, and without all subsets there is no Shapley value. Of one fold the test
    cases are resampled: it has no spread of folds.
    """
    folder = next(iter(sealed)).parent
    orders = _orders(results, folds, door, sealed)
    errors = {subset: order_error([order]) for subset, order in orders.items()}
    resampled = _resampled(results[0], folds, door, sealed) if len(folds.folds) == 1 else {}
    lines = []
    for subset, error in errors.items():
        interval = primary_of(error) if not resampled else bootstrap(resampled[subset])
        lines.append(("+".join(subset), *_line(error.estimate, interval)))
    write_csv(folder / "subsets.csv", SUBSET_COLUMNS, lines)
    lines, due = [], shapley_values(resampled)
    for modality, error in _due_errors(orders, errors).items():
        interval = primary_of(error) if not due else bootstrap(due[modality])
        lines.append((modality, *_line(error.estimate, interval)))
    write_csv(folder / "shapley.csv", SHAPLEY_COLUMNS, lines)


def _due_errors(
    orders: Mapping[Subset, ArmOrder], errors: Mapping[Subset, OrderError]
) -> dict[str, OrderError]:
    """Return what each modality is due, with its error: a weighted sum over subsets, pulls of cases too."""
    due = shapley_values({subset: np.array([error.estimate]) for subset, error in errors.items()})
    by_fold = shapley_values({subset: error.folds.value for subset, error in errors.items()})
    # one half is what knowing nothing reaches: it pulls nothing
    pulls = shapley_values({subset: order.influence() + 0.5 for subset, order in orders.items()})
    return {
        modality: replace(
            next(iter(errors.values())),
            estimate=float(due[modality][0]),
            is_difference=True,
            folds=replace(next(iter(errors.values())).folds, value=by_fold[modality]),
            plain=jackknife_error(pulls[modality]),
            nested_variance=math.nan,
        )
        for modality in due
    }


def shapley_values(
    reached: Mapping[Subset, Float[np.ndarray, " fold"]],
) -> dict[str, Float[np.ndarray, " fold"]]:
    """Return what each modality is due of what all reach above one half, for each fold; the parts add up.

    Empty where a subset is absent from `reached` (subset -> C of each fold, or of each resample of one).
    """
    everybody = max(reached, key=len, default=())
    if len(reached) != 2 ** len(everybody) - 1:
        return {}
    values = {frozenset(subset): value for subset, value in reached.items()}
    due = {}
    for modality in everybody:
        total = np.zeros(len(reached[everybody]))
        for subset in [frozenset(), *values]:
            if modality in subset:
                continue
            before = values.get(subset, np.full(len(total), 0.5))
            orders = factorial(len(subset)) * factorial(len(everybody) - len(subset) - 1)
            total += orders / factorial(len(everybody)) * (values[subset | {modality}] - before)
        due[modality] = total
    return due


def _orders(
    results: Sequence[FoldResult], folds: Folds, door: OutcomeDoor, sealed: Mapping[Path, str]
) -> dict[Subset, ArmOrder]:
    """Return how each subset ordered the test part of each fold."""
    tested = sorted({int(case) for fold in folds.folds for case in fold.test})
    place = {case: row for row, case in enumerate(tested)}
    outcomes = [door.evaluation([folds.case_ids[case] for case in fold.test], sealed) for fold in folds.folds]
    # each case is tested once in a repeat
    first = [number for number, fold in enumerate(folds.folds) if fold.repeat == folds.folds[0].repeat]
    return {
        subset: ArmOrder(
            n_cases=len(tested),
            n_rarer=sum(rarer(outcomes[number]) for number in first),
            folds=tuple(
                FoldOrder(
                    repeat=fold.repeat,
                    rows=np.array([place[int(case)] for case in fold.test]),
                    n_train=len(fold.train),
                    by_case=pairs_by_case(result.subsets[subset], outcome),
                    inner=None,
                )
                for fold, result, outcome in zip(folds.folds, results, outcomes, strict=True)
            ),
        )
        for subset in results[0].subsets
    }


def _resampled(
    result: FoldResult, folds: Folds, door: OutcomeDoor, sealed: Mapping[Path, str]
) -> dict[Subset, Float[np.ndarray, " sample"]]:
    """Return C of each subset in each resample of the test cases of the only fold, all resampled alike."""
    outcome = door.evaluation([folds.case_ids[case] for case in folds.folds[0].test], sealed)
    counts = draw_resamples(len(outcome), SEED)
    return {subset: resample_order(risk, outcome, counts) for subset, risk in result.subsets.items()}


def _line(estimate: float, interval: Interval) -> tuple[float | None, float | None, float | None, str]:
    finite = [value if np.isfinite(value) else None for value in (estimate, interval.low, interval.high)]
    return finite[0], finite[1], finite[2], interval.method
