"""The heart-failure table of 299 patients: what Braid's metrics say of a fixed score, against R.

Enters: the table. Leaves: the largest difference to R of Kaplan-Meier with its limits, of the restricted mean
with its error, of C, AUC, Brier score, prediction accuracy, observed/expected and calibration slope with its
sandwich error, and of Uno's C to scikit-survival, which takes ties as Braid does. R's numbers stand here,
heart_failure.R is what gave them. `python -m tests.published.heart_failure` runs it alone.

The score is nobody's model: it is written down so that nothing is fitted. Follow-up is only the outcome. In
the copy of the table that lies there, 28 cells are blank, two of them in what is used here: 297 patients.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

from fuse.cases import FoldPrediction, FoldTruth
from fuse.metrics.evaluation import MetricRow, evaluate_arm
from fuse.metrics.kaplan_meier import NORMAL_975
from fuse.metrics.time_summary import summarise_times
from fuse.outcomes.outcomes import Survival
from tests.measurement import Measured, tabulate
from tests.published.shared_tables import SHARED, absent

TABLE = SHARED / "heart_failure_299/heart_failure_clinical_records_dataset.csv"
USED = ("age", "ejection_fraction", "serum_creatinine", "time", "DEATH_EVENT")
DAY, BAR, BAR_OF_SKSURV = 180.0, 1e-6, 1e-10

# R 4.2.2, survival 3.5-3: tests/published/heart_failure.R
R_DAYS = (30.0, 90.0, 180.0)
R_PROBABILITY = (0.111767732994316, 0.232175057072546, 0.341293146668325)
R_LOW = (0.0807875428072394, 0.187476652076106, 0.283892753685958)
R_HIGH = (0.153596648443366, 0.28551814414378, 0.406627770920806)
R_MEAN, R_MEAN_ERROR = 143.036523181346, 3.5930987242689
R_METRICS = {
    "c_index": 0.710673324105201,
    "brier_180": 0.188788595493007,
    "ipa": 0.161540315578445,
    "auc_180": 0.733823155077594,
    "observed_expected": 1.14559572313014,
    "calibration_slope": 0.865113977555808,
}
R_SLOPE_ERROR = 0.191862833364023


def heart_failure_rows(table: Path = TABLE) -> list[Measured]:
    """Measure; one row says what is missing where there is no table."""
    if not table.is_file():
        return absent("fuse/heart_failure_metrics", "largest difference to R", table)
    outcome, score = read_table(table)
    rows = {row.metric: row for row in evaluate(outcome, score)}
    # scikit-survival takes risks for equal that differ by less than 1e-8: rounding makes them so for both
    rounded = np.round(score, 6)
    uno = next(row.estimate for row in evaluate(outcome, rounded) if row.metric == "uno_c")
    return [
        _difference(
            "curves", curve_differences(outcome), "R's survfit: probabilities, limits, restricted mean"
        ),
        _difference(
            "metrics",
            [rows[name].estimate - by_r for name, by_r in R_METRICS.items()],
            f"R's formulas: {', '.join(R_METRICS)}",
        ),
        _difference("slope_error", [slope_error(rows["calibration_slope"]) - R_SLOPE_ERROR], "R's sandwich"),
        _difference("uno", [uno - uno_of_sksurv(outcome, rounded)], "scikit-survival", BAR_OF_SKSURV),
    ]


def read_table(table: Path) -> tuple[Survival, np.ndarray]:
    """Return the outcomes and the score."""
    with table.open(newline="", encoding="utf-8-sig") as stream:
        patients = [row for row in csv.DictReader(stream) if all(row[name] for name in USED)]

    def column(name: str) -> np.ndarray:
        return np.array([float(patient[name]) for patient in patients])

    outcome = Survival(event=column("DEATH_EVENT") == 1, time_days=column("time"))
    score = 0.05 * column("age") - 0.05 * column("ejection_fraction") + 0.3 * column("serum_creatinine")
    return outcome, score


def evaluate(outcome: Survival, score: np.ndarray) -> list[MetricRow]:
    """Evaluate the score as one fold whose train part is the table itself, as R does."""
    said = FoldPrediction(
        repeat=1,
        fold=1,
        case_ids=tuple(f"{row:03d}" for row in range(len(score))),
        risk=score,
        times_days=np.array([DAY]),
        event_free=np.exp(-DAY / 600 * np.exp(score - 1.6))[:, None],
    )
    return evaluate_arm([said], [FoldTruth(repeat=1, fold=1, test=outcome, train=outcome)], DAY, 0)


def curve_differences(outcome: Survival) -> list[float]:
    """Return what the curve's numbers differ by from R's."""
    found = summarise_times("all", outcome, R_DAYS)
    differences = []
    for at, *of_r in zip(found["event_probability"], R_PROBABILITY, R_LOW, R_HIGH, strict=True):
        ours = (at["estimate"], at["low"], at["high"])
        differences += [(own or np.nan) - by_r for own, by_r in zip(ours, of_r, strict=True)]
    mean = found["restricted_mean_days"]
    limits = R_MEAN, R_MEAN - NORMAL_975 * R_MEAN_ERROR, R_MEAN + NORMAL_975 * R_MEAN_ERROR
    ours = (mean["estimate"], mean["low"], mean["high"])
    return differences + [(own or np.nan) - by_r for own, by_r in zip(ours, limits, strict=True)]


def slope_error(row: MetricRow) -> float:
    """Return the standard error behind the slope's interval."""
    from scipy.stats import t

    freedom = int(row.method.split(" df")[0].split()[-1])
    return float((row.high - row.estimate) / t.ppf(0.975, freedom))


def uno_of_sksurv(outcome: Survival, score: np.ndarray) -> float:
    """Return Uno's C by scikit-survival."""
    from sksurv.metrics import concordance_index_ipcw
    from sksurv.util import Surv

    both = Surv.from_arrays(outcome.event, outcome.time_days)
    return float(concordance_index_ipcw(both, both, score, tau=DAY)[0])


def _difference(name: str, found: list[float], reference: str, bar: float = BAR) -> Measured:
    worst = float(np.max(np.abs(found)))
    return Measured(
        name=f"fuse/heart_failure_{name}",
        value=worst,
        unit="largest difference",
        bar=f"< {bar:g}",
        met=worst < bar,
        input=f"297 patients, a score that nobody fitted; against {reference}",
    )


if __name__ == "__main__":
    sys.exit(tabulate(heart_failure_rows()))
