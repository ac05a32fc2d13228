"""MCAT's released predictions, judged by Braid's C: its table of 11 methods and 5 cancers, to three digits.

Enters: the risks of all test folds as the authors released them (risk, months, censorship), and the table as
they printed it. Leaves: how many of its 55 means and standard deviations come out, and whether MCAT differs
from the two concatenations once folds that share cases are allowed for. `python -m tests.published.mcat`
runs it alone.
"""

from __future__ import annotations

import csv
import gzip
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from fuse.metrics.concordance import concordant_pairs
from fuse.outcomes.outcomes import Survival
from tests.measurement import Measured, tabulate
from tests.published.shared_tables import SHARED, absent

PREDICTIONS = SHARED / "mcat/oof_predictions.csv.gz"
CANCERS = ("blca", "brca", "gbmlgg", "luad", "ucec")
#: Table 1 (Chen et al. 2021, ICCV) as mean and population standard deviation over five folds, in thousandths.
PUBLISHED = {
    "SNNsm_nll_surv_a0.0_reg1e-04_5foldcv_gc32_sig": "541±16 466±58 598±54 539±69 493±96",
    "DSsm_nll_surv_a0.0_5foldcv_gc32_sig": "500±0 500±0 498±14 496±8 500±0",
    "AMILsm_nll_surv_a0.0_5foldcv_gc32_sig": "536±38 564±50 787±28 559±60 625±57",
    "MIFCNsm_nll_surv_a0.0_5foldcv_gc32_sig": "504±42 524±43 734±29 548±50 597±59",
    "DSsm_nll_surv_a0.0_5foldcv_gc32_sig_concat": "604±42 521±79 803±46 616±27 598±77",
    "DSsm_nll_surv_a0.0_5foldcv_gc32_sig_bilinear": "589±50 522±29 809±27 558±38 593±55",
    "AMILsm_nll_surv_a0.0_5foldcv_gc32_sig_concat": "605±45 551±77 816±11 563±50 614±52",
    "AMILsm_nll_surv_a0.0_5foldcv_gc32_sig_bilinear": "567±34 536±74 812±5 578±36 562±58",
    "MIFCNsm_nll_surv_a0.0_5foldcv_gc32_sig_concat": "611±49 545±71 805±14 595±61 615±20",
    "MIFCNsm_nll_surv_a0.0_5foldcv_gc32_sig_bilinear": "575±32 577±63 813±22 551±38 586±36",
    "MCATsm_nll_surv_a0.0_5foldcv_gc32_concat": "624±34 580±69 817±21 620±32 622±19",
}
MCAT, RIVALS = "MCATsm_nll_surv_a0.0_5foldcv_gc32_concat", ("AMILsm", "DSsm")
SOURCE = "MCAT's released predictions, 31,141 rows of 11 methods and 5 cancers, C of each of 5 folds"

#: (method, cancer) -> C of each fold.
Folds = dict[tuple[str, str], list[float]]


def mcat_rows(predictions: Path = PREDICTIONS) -> list[Measured]:
    """Measure; one row says what is missing where there is no table."""
    if not predictions.is_file():
        return absent("fuse/mcat_table", "cells", predictions)
    folds = folds_of(predictions)
    means, spreads = agreeing(folds)
    worst = worst_difference(folds)
    return [
        _row("mcat_table_means", means, "of 55 cells", "55 to three digits", means == 55),
        _row("mcat_table_sds", spreads, "of 55 cells", "55 to three digits", spreads == 55),
        _row("mcat_table_worst", worst, "C", "< .0005 (rounding)", worst <= 0.0005),
        _row("mcat_mean_c", float(np.mean([np.mean(folds[MCAT, name]) for name in CANCERS])), "C"),
        _row("mcat_against_concatenation_smallest_p", smallest_p(folds), "p, Nadeau-Bengio t, 4 df"),
    ]


def folds_of(predictions: Path) -> Folds:
    """Return C of each fold; the score is higher where the event is earlier, months are of no matter."""
    rows: dict[tuple[str, str, str], list[tuple[float, bool, float]]] = defaultdict(list)
    with gzip.open(predictions, "rt", encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            key = row["method"], row["cancer"], row["fold"]
            seen = float(row["censorship"]) == 0.0
            rows[key].append((float(row["risk"]), seen, float(row["survival_months"])))
    folds: Folds = defaultdict(list)
    for (method, cancer, _), cases in rows.items():
        risk, event, months = (np.array(column) for column in zip(*cases, strict=True))
        concordant, comparable = concordant_pairs(risk, Survival(event=event, time_days=months))
        folds[method, cancer].append(concordant / comparable)
    return folds


def agreeing(folds: Folds) -> tuple[int, int]:
    """Return how many means and how many standard deviations are the printed ones in thousandths."""
    found = [0, 0]
    for key, printed in table().items():
        own = np.mean(folds[key]), np.std(folds[key])
        for place in range(2):
            found[place] += int(round(1000 * own[place]) == printed[place])
    return found[0], found[1]


def worst_difference(folds: Folds) -> float:
    """Return the largest difference of a mean to the printed one."""
    return float(max(abs(np.mean(folds[key]) - printed[0] / 1000) for key, printed in table().items()))


def table() -> dict[tuple[str, str], tuple[int, int]]:
    """Return (method, cancer) -> mean and standard deviation in thousandths."""
    printed = {}
    for method, cells in PUBLISHED.items():
        for cancer, cell in zip(CANCERS, cells.split(), strict=True):
            mean, spread = cell.split("±")
            printed[method, cancer] = int(mean), int(spread)
    return printed


def smallest_p(folds: Folds) -> float:
    """Return the smallest two-sided p of MCAT against either concatenation in any cancer.

    Paired differences of five folds with the variance of Nadeau and Bengio (2003): s^2 (1/5 + 1/4).
    """
    from scipy.stats import t

    found = []
    for cancer in CANCERS:
        for name in RIVALS:
            rival = f"{name}_nll_surv_a0.0_5foldcv_gc32_sig_concat"
            difference = np.array(folds[MCAT, cancer]) - np.array(folds[rival, cancer])
            error = np.sqrt(np.var(difference, ddof=1) * (1 / 5 + 1 / 4))
            found.append(2 * t.sf(abs(difference.mean()) / error, 4))
    return float(min(found))


def _row(name: str, value: float, unit: str, bar: str | None = None, met: bool | None = None) -> Measured:
    return Measured(name=f"fuse/{name}", value=float(value), unit=unit, bar=bar, met=met, input=SOURCE)


if __name__ == "__main__":
    sys.exit(tabulate(mcat_rows()))
