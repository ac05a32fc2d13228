"""What each subset of the modalities reaches, and what each modality is worth: its Shapley value.

Enters: what the last stack said of each test case from every subset of its modalities. Leaves:
subset_predictions.csv, sealed before an outcome of a test part is opened; subsets.csv, C (AUROC of classes)
of every subset; shapley.csv, the share of C above one half that each modality is due, averaged over all
orders in which modalities could have come (Shapley 1953). A weight says what a stack made of a modality; this
says what it gained by it, and redundant modalities share what they both know. Arms of several modalities at
once are in the set of all alone, so what they find is divided evenly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import factorial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from feature_cache.canonical import sha256_of_file
from fuse.files import write_csv
from fuse.fitting import FoldResult
from fuse.folds.folds import Folds
from fuse.metrics.intervals import (
    FoldValues,
    Interval,
    bootstrap,
    draw_resamples,
    nadeau_bengio,
    nadeau_bengio_logit,
)
from fuse.metrics.one_fold import SEED, resample_order
from fuse.metrics.ordered import ordered_pairs, share_in_order
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
    reached, weight = _reached(results, folds, door, sealed)
    resampled = _resampled(results[0], folds, door, sealed) if len(folds.folds) == 1 else {}
    ratio = np.array([len(fold.test) / len(fold.train) for fold in folds.folds])
    repeats = np.array([fold.repeat for fold in folds.folds])

    def values(of_folds: Float[np.ndarray, " fold"]) -> tuple[float, FoldValues]:
        means = [
            np.average(of_folds[repeats == number], weights=weight[repeats == number])
            for number in np.unique(repeats)
            if weight[repeats == number].any()
        ]
        estimate = float(np.mean(means)) if means else float("nan")
        return estimate, FoldValues(value=of_folds, weight=weight, test_to_train=ratio)

    lines = []
    for subset, of_each in reached.items():
        estimate, of_folds = values(of_each)
        interval = nadeau_bengio_logit(estimate, of_folds) if not resampled else bootstrap(resampled[subset])
        lines.append(("+".join(subset), *_line(estimate, interval)))
    write_csv(folder / "subsets.csv", SUBSET_COLUMNS, lines)
    lines, due = [], shapley_values(resampled)
    for modality, of_each in shapley_values(reached).items():
        estimate, of_folds = values(of_each)
        interval = nadeau_bengio(estimate, of_folds) if not due else bootstrap(due[modality])
        lines.append((modality, *_line(estimate, interval)))
    write_csv(folder / "shapley.csv", SHAPLEY_COLUMNS, lines)


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


def _reached(
    results: Sequence[FoldResult], folds: Folds, door: OutcomeDoor, sealed: Mapping[Path, str]
) -> tuple[dict[Subset, Float[np.ndarray, " fold"]], Float[np.ndarray, " fold"]]:
    """Return C of each subset in each fold, and the comparable pairs of each fold."""
    reached: dict[Subset, list[float]] = {subset: [] for subset in results[0].subsets}
    weight = np.zeros(len(folds.folds))
    for number, (fold, result) in enumerate(zip(folds.folds, results, strict=True)):
        outcome = door.evaluation([folds.case_ids[case] for case in fold.test], sealed)
        for subset, risk in result.subsets.items():
            pairs = ordered_pairs(risk, outcome)
            weight[number] = pairs[:, 1].sum()
            reached[subset].append(share_in_order(pairs))
    return {subset: np.array(each) for subset, each in reached.items()}, weight


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
