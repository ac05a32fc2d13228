"""One cohort cross-validated, with every interval of the product, and what its models reach on fresh cases.

Enters: a situation, a size, a seed. Leaves: for C of the fusion and for its differences to the clinical arm
and to the single modality selected in training, the limits of every method; and the same numbers of the
models fitted on the whole cohort, on fresh cases. Folds, pairs and intervals are the product's own; only the
fits are replaced by many at once.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from fuse.cases import FoldPrediction, FoldTruth
from fuse.evidence.interval_table import IntervalInputs, interval_rows
from fuse.folds.folds import Fold, FoldPlan, Folds, Strata, make_folds, make_inner
from fuse.inner_order import count_inner_pairs, inner_share, selected_inner_pairs
from fuse.metrics.comparison import Roles
from fuse.metrics.concordance import concordant_pairs, resampled_pairs
from fuse.metrics.scored import join
from tests.coverage.cohorts import CLINICAL, COLUMNS, IMAGING, SimulatedCohort, draw_cohort
from tests.coverage.many_ridge import fit_parts

FUSION, CLINIC, IMAGES, SELECTED = "fusion", "clinical", "imaging", "selected_single"
READS = {FUSION: slice(0, COLUMNS), CLINIC: CLINICAL, IMAGES: IMAGING}
SINGLES = (CLINIC, IMAGES)
ROLES = Roles(fusion=FUSION, clinical=CLINIC, selected_single=SELECTED)

#: The numbers that intervals are asked for: first arm, and second arm or "".
ASKED = ((FUSION, ""), (FUSION, CLINIC), (FUSION, SELECTED))

FOLDS, INNER = 5, 4
FRESH = 2000


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How much is done with a cohort: repeats of the folds, and refits of a bootstrap (0 for none)."""

    repeats: int = 3
    refits: int = 0


@dataclass(frozen=True, kw_only=True)
class Covered:
    """Limits by (first, second, method), and the estimates and what was reached on fresh cases by pair."""

    situation: str
    size: int
    estimates: dict[tuple[str, str], float]
    reached: dict[tuple[str, str], float]
    limits: dict[tuple[str, str, str], tuple[float, float]]


def judge_cohort(situation: str, size: int, seed: int, extent: Extent) -> Covered:
    """Draw a cohort, cross-validate three ridge models and the selected one, and take all intervals."""
    rng = np.random.default_rng([zlib.crc32(situation.encode()), size, seed])
    cohort = draw_cohort(situation, size, rng)
    case_ids = tuple(f"case{row:04d}" for row in range(size))
    strata = Strata(outcome=cohort.outcome, sites=[None] * size)
    plan = FoldPlan(inner=INNER, seed=seed, repeats=extent.repeats, folds=FOLDS)
    folds = make_folds(case_ids, strata, plan)
    whole = np.arange(size)
    last = make_inner(strata, whole, plan, (0, 0))
    last_fold = Fold(repeat=0, fold=0, train=whole, test=whole[:0], inner=last)
    parts = [_parts(fold, size) for fold in (*folds.folds, last_fold)]
    counts = np.concatenate(parts)
    weights = {name: fit_parts(cohort.columns[:, own], cohort.outcome, counts) for name, own in READS.items()}
    said = _said(cohort, folds, weights)
    truths = [
        FoldTruth(
            repeat=fold.repeat,
            fold=fold.fold,
            test=cohort.outcome.take(fold.test),
            train=cohort.outcome.take(fold.train),
        )
        for fold in folds.folds
    ]
    rows = interval_rows(
        IntervalInputs(
            arms={name: join(predictions, truths) for name, predictions in said.items()},
            roles=ROLES,
            metric="c_index",
            seed=seed,
            refits=_refits(cohort, folds, extent.refits, rng),
        )
    )
    reached = _reached(situation, cohort, weights, last_fold, rng)
    return Covered(
        situation=situation,
        size=size,
        estimates={(row.first, row.second): row.estimate for row in rows if row.primary},
        reached=reached,
        limits={(row.first, row.second, row.name): (row.low, row.high) for row in rows},
    )


def _parts(fold: Fold, size: int) -> Float[np.ndarray, "part case"]:
    """Return which cases are in the train part, and in it without each inner fold."""
    parts = np.zeros((1 + INNER, size))
    parts[:, fold.train] = 1.0
    for number in range(INNER):
        parts[1 + number, fold.train[fold.inner == number]] = 0.0
    return parts


def _said(
    cohort: SimulatedCohort, folds: Folds, weights: dict[str, Float[np.ndarray, "part column"]]
) -> dict[str, list[FoldPrediction]]:
    """Return the predictions of each arm with its inner pairs, and those of the selected single modality."""
    said: dict[str, list[FoldPrediction]] = {name: [] for name in (*READS, SELECTED)}
    for number, fold in enumerate(folds.folds):
        own = slice(number * (1 + INNER), (number + 1) * (1 + INNER))
        of_fold = {}
        for name, reads in READS.items():
            risks = cohort.columns[:, reads] @ weights[name][own].T
            of_fold[name] = FoldPrediction(
                repeat=fold.repeat,
                fold=fold.fold,
                case_ids=tuple(folds.case_ids[row] for row in fold.test),
                risk=risks[fold.test, 0],
                times_days=np.array([1.0]),
                event_free=np.ones((len(fold.test), 1)),
                inner_pairs=_inner(risks, cohort, fold),
            )
            said[name].append(of_fold[name])
        said[SELECTED].append(_selected(of_fold))
    return said


def _inner(
    risks: Float[np.ndarray, "case part"], cohort: SimulatedCohort, fold: Fold
) -> Float[np.ndarray, "inner 1 2"]:
    oof = risks[fold.train, 1 + fold.inner]
    return count_inner_pairs(oof, cohort.outcome.take(fold.train), fold.inner)


def _selected(of_fold: dict[str, FoldPrediction]) -> FoldPrediction:
    """Return what the pseudo-arm says, as `fuse.fitting` selects it."""
    pairs = {name: of_fold[name].inner_pairs for name in SINGLES}
    known = {name: own for name, own in pairs.items() if own is not None}
    chosen = of_fold[max(known, key=lambda name: inner_share(known[name]))]
    return FoldPrediction(**{**vars(chosen), "inner_pairs": selected_inner_pairs(known)})


def _reached(
    situation: str,
    cohort: SimulatedCohort,
    weights: dict[str, Float[np.ndarray, "part column"]],
    fold: Fold,
    rng: np.random.Generator,
) -> dict[tuple[str, str], float]:
    """Return C, and its differences, of the models of the whole cohort on fresh cases."""
    fresh = draw_cohort(situation, FRESH, rng)
    c, inside = {}, {}
    for name, reads in READS.items():
        own = weights[name][-(1 + INNER) :]
        right, pairs = concordant_pairs(fresh.columns[:, reads] @ own[0], fresh.outcome)
        c[name] = right / pairs
        inside[name] = inner_share(_inner(cohort.columns[:, reads] @ own.T, cohort, fold))
    c[SELECTED] = c[max(SINGLES, key=lambda name: inside[name])]
    return {(first, second): c[first] - (c[second] if second else 0.0) for first, second in ASKED}


def _refits(
    cohort: SimulatedCohort, folds: Folds, count: int, rng: np.random.Generator
) -> dict[str, list[float]]:
    """Return C of one repeat on each resample, all fitted again; copies of a case stay in its fold."""
    if not count:
        return {}
    of_repeat = [fold for fold in folds.folds if fold.repeat == 1]
    size = len(cohort.outcome)
    drawn = rng.multinomial(size, np.full(size, 1 / size), size=count).astype(np.float64)
    found: dict[str, list[float]] = {}
    for name in (FUSION, CLINIC):
        columns = cohort.columns[:, READS[name]]
        pairs = [_refit_pairs(columns, cohort, fold.train, fold.test, drawn) for fold in of_repeat]
        right, comparable = np.sum(pairs, axis=0)
        found[name] = (right / comparable).tolist()
    return found


def _refit_pairs(
    columns: Float[np.ndarray, "case column"],
    cohort: SimulatedCohort,
    train: Int[np.ndarray, " train"],
    test: Int[np.ndarray, " test"],
    drawn: Float[np.ndarray, "refit case"],
) -> Sequence[Float[np.ndarray, " refit"]]:
    """Return concordant and comparable pairs of the test part in each resample, by the model of its own."""
    part = np.zeros_like(drawn)
    part[:, train] = drawn[:, train]
    weights = fit_parts(columns, cohort.outcome, part)
    tested = cohort.outcome.take(test)
    pairs = [
        resampled_pairs(columns[test] @ own, tested, counts[None, test])
        for own, counts in zip(weights, drawn, strict=True)
    ]
    return [np.array([pair[column][0] for pair in pairs]) for column in (0, 1)]
