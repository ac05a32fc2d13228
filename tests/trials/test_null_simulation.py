"""Do the intervals hold what they say, on cohorts where the truth is known?

Enters: a number of simulated cohorts (95 cases, about 27 events, 8 columns of noise or of signal). Leaves:
the mean C, the coverage of each interval, and how often the verdict would say yes where nothing is there. The
real ridge Cox and the real metrics, 4 x 5 folds, no inner folds. Run by `make trials`, or by pytest when this
file is named.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import beta

from fuse.cases import FoldPrediction, FoldTruth
from fuse.metrics.comparison import Contrast, compare_arms
from fuse.metrics.concordance import resampled_pairs
from fuse.metrics.evaluation import evaluate_arm
from fuse.metrics.intervals import bootstrap, draw_resamples
from fuse.metrics.pooled import resample_within_folds
from fuse.metrics.scored import join
from fuse.models.newton_cox import ridge_cox_path
from fuse.outcomes.outcomes import Survival
from tests.measurement import Measured

CASES, COLUMNS, REPEATS, FOLDS, ALPHA = 95, 8, 4, 5, 16.0
HORIZON_DAYS = 1000.0
ENOUGH_RUNS = 400
"""Fewer cannot show that a share of .05 is under .08."""


@dataclass(frozen=True)
class Cohort:
    """What one simulated cohort gave: estimate and limits of C by both methods, and of a difference."""

    c_index: float
    primary: tuple[float, float]
    bootstrap: tuple[float, float]
    difference: tuple[float, float]


def null_simulation(runs: int = 400, seed: int = 0) -> list[Measured]:
    """Simulate cohorts without and with signal and measure what the intervals hold."""
    rows: list[Measured] = []
    for name, strength in (("null", 0.0), ("signal", 0.35)):
        cohorts = [_simulate(np.random.default_rng([seed, run]), strength) for run in range(runs)]
        rows += _summarise(name, cohorts, f"{runs} cohorts of {CASES}, {COLUMNS} columns")
    return rows


def _simulate(generator: np.random.Generator, strength: float) -> Cohort:
    columns = generator.normal(size=(CASES, 2 * COLUMNS))
    hazard = strength * columns[:, :4].sum(axis=1)
    event_time = generator.exponential(3000 * np.exp(-hazard))
    followed = generator.uniform(300, 2000, size=CASES)
    outcome = Survival(event=event_time <= followed, time_days=np.minimum(event_time, followed) + 1)
    truths, first, second = [], [], []
    for repeat in range(REPEATS):
        fold_of = _stratify(outcome, generator)
        for fold in range(FOLDS):
            test, train = np.flatnonzero(fold_of == fold), np.flatnonzero(fold_of != fold)
            truth = FoldTruth(repeat=repeat, fold=fold, test=outcome.take(test), train=outcome.take(train))
            truths.append(truth)
            first.append(_predict(truth, columns[:, :COLUMNS], test, train))
            second.append(_predict(truth, columns[:, COLUMNS:], test, train))
    arm = join(first, truths)
    row = evaluate_arm(first, truths, HORIZON_DAYS, 0)[0]
    resampled = bootstrap(
        resample_within_folds(
            arm,
            lambda fold, counts: resampled_pairs(fold.prediction.risk, fold.truth.test, counts),
            draw_resamples(CASES, 0),
        )
    )
    versus = compare_arms(first, second, truths, Contrast(first="a", second="b", named_before=True))
    return Cohort(
        c_index=row.estimate,
        primary=(row.low, row.high),
        bootstrap=(resampled.low, resampled.high),
        difference=(versus.low, versus.high),
    )


def _stratify(outcome: Survival, generator: np.random.Generator) -> np.ndarray:
    fold_of = np.empty(CASES, dtype=int)
    order = np.lexsort((generator.random(CASES), outcome.event))
    fold_of[order] = np.arange(CASES) % FOLDS
    return fold_of


def _predict(truth: FoldTruth, columns: np.ndarray, test: np.ndarray, train: np.ndarray) -> FoldPrediction:
    scaled = (columns - columns[train].mean(axis=0)) / columns[train].std(axis=0)
    risk = scaled[test] @ ridge_cox_path(scaled[train], truth.train, (ALPHA,))[0]
    return FoldPrediction(
        repeat=truth.repeat,
        fold=truth.fold,
        case_ids=tuple(f"case{row:02d}" for row in test),
        risk=risk,
        times_days=np.array([HORIZON_DAYS]),
        event_free=np.exp(-0.3 * np.exp(risk))[:, None],
    )


def _summarise(name: str, cohorts: list[Cohort], source: str) -> list[Measured]:
    c_index = np.array([cohort.c_index for cohort in cohorts])
    error = c_index.std(ddof=1) / math.sqrt(len(cohorts))
    truth = 0.5 if name == "null" else float(c_index.mean())
    rows = [
        _row(f"fuse/{name}_mean_c", float(c_index.mean()), source),
        _row(f"fuse/{name}_sd_c", float(c_index.std(ddof=1)), source),
    ]
    for method in ("primary", "bootstrap"):
        held = [low <= truth <= high for low, high in (getattr(cohort, method) for cohort in cohorts)]
        rows.append(_row(f"fuse/{name}_coverage_{method}", float(np.mean(held)), source))
    if name != "null":
        return rows
    rows[0] = _bar(rows[0], "within 3 Monte-Carlo errors of .5", bool(abs(c_index.mean() - 0.5) <= 3 * error))
    for test, limits, chance in (
        ("better_than_chance", [cohort.primary for cohort in cohorts], 0.5),
        ("adds", [cohort.difference for cohort in cohorts], 0.0),
    ):
        wrong = sum(low > chance for low, _ in limits)
        upper = float(beta.ppf(0.95, wrong + 1, len(limits) - wrong))
        row = _row(f"fuse/null_says_yes_{test}", wrong / len(limits), source)
        enough = len(limits) >= ENOUGH_RUNS
        rows.append(_bar(row, "upper 95 % bound <= .08", upper <= 0.08 if enough else None))
    return rows


def _row(name: str, value: float, source: str) -> Measured:
    return Measured(name=name, value=value, unit="", bar=None, met=None, input=source)


def _bar(row: Measured, bar: str, met: bool | None) -> Measured:
    return replace(row, bar=bar, met=met)


def test_noise_is_called_noise_and_intervals_hold_what_the_docstrings_say() -> None:
    rows = {row.name: row for row in null_simulation()}
    for row in rows.values():
        assert row.met is not False, f"{row.name} = {row.value}: {row.bar}"
    for name in ("null", "signal"):
        assert rows[f"fuse/{name}_coverage_primary"].value > rows[f"fuse/{name}_coverage_bootstrap"].value
        assert rows[f"fuse/{name}_coverage_primary"].value > 0.91
