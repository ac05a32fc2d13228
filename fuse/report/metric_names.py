"""The metrics of metrics.csv in words: heading, and which way is better.

Enters: a metric's name (``c_index``, ``auc_<day>``, ``ibs``…). Leaves: what the page calls it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fuse.report.numerals import duration

Table = Literal["main", "secondary", "days", "classes"]
"""Where a metric stands: with the primary one, below, at each declared day, or for each class."""


@dataclass(frozen=True, kw_only=True)
class MetricName:
    """A metric as the page writes it; `hint` stands small under the heading, `table` says where it stands."""

    metric: str
    heading: str
    hint: str
    higher_is_better: bool = True
    table: Table = "main"
    digits: int = 3


_NAMES = (
    MetricName(metric="c_index", heading="C", hint="within folds"),
    MetricName(metric="auroc", heading="AUROC", hint="within folds"),
    MetricName(metric="auroc_macro", heading="Mean AUROC", hint="each class against the rest"),
    MetricName(metric="auc", heading="AUC", hint=""),
    MetricName(
        metric="median_error_days",
        heading="Median error",
        hint="days, lower is better",
        higher_is_better=False,
        digits=1,
    ),
    MetricName(metric="ibs", heading="Integrated Brier", hint="lower is better", higher_is_better=False),
    MetricName(metric="accuracy", heading="Accuracy", hint="most probable class"),
    MetricName(metric="majority_rate", heading="Majority", hint="naming the commonest"),
    MetricName(metric="sensitivity", heading="Sensitivity", hint="right among yes"),
    MetricName(metric="specificity", heading="Specificity", hint="right among no"),
    MetricName(metric="brier", heading="Brier", hint="lower is better", higher_is_better=False),
    MetricName(metric="c_index_pooled", heading="C pooled", hint="across folds", table="secondary"),
    MetricName(metric="ipa", heading="IPA", hint="index of prediction accuracy", table="secondary"),
    MetricName(metric="uno_c", heading="Uno’s C", hint="up to the horizon", table="secondary"),
    MetricName(
        metric="observed_expected", heading="Observed / expected", hint="1 is right", table="secondary"
    ),
    MetricName(metric="calibration_slope", heading="Calibration slope", hint="1 is right", table="secondary"),
    MetricName(
        metric="ici",
        heading="ICI",
        hint="distance, lower is better",
        higher_is_better=False,
        table="secondary",
    ),
    MetricName(
        metric="d_calibration_p", heading="D-calibration", hint="p; low: curves wrong", table="secondary"
    ),
    MetricName(
        metric="sensitivity_at_cut", heading="Sensitivity", hint="at the train part’s cut", table="secondary"
    ),
    MetricName(
        metric="specificity_at_cut", heading="Specificity", hint="at the train part’s cut", table="secondary"
    ),
)
_PLACES = {name.metric: place for place, name in enumerate(_NAMES)}


#: Metrics that are given at several days, as `<name>_<day>`: heading, and whether higher is better.
_AT_DAYS = {
    "auc": ("AUC", True),
    "brier": ("Brier", False),
    "ipa": ("IPA", True),
    "observed_expected": ("Observed / expected", True),
}
_OF_CLASSES = {"auroc": "AUROC", "sensitivity": "Sensitivity", "specificity": "Specificity"}


def name_metric(metric: str) -> MetricName:
    """Return the words for one metric; a metric that the page does not know keeps its own name."""
    if metric in _PLACES:
        return _NAMES[_PLACES[metric]]
    dated = _day_of(metric)
    if dated is not None:
        heading, higher = _AT_DAYS[dated[0]]
        return MetricName(
            metric=metric,
            heading=heading,
            hint=f"at {duration(dated[1])}",
            higher_is_better=higher,
            table="main" if dated[0] == "auc" else "days",
        )
    word, _, name = metric.partition("_of_")
    if word in _OF_CLASSES and name:
        return MetricName(metric=metric, heading=_OF_CLASSES[word], hint=f"of {name}", table="classes")
    return MetricName(metric=metric, heading=metric, hint="", table="secondary")


def sort_key(metric: str) -> tuple[int, float, str]:
    """Return the place of a metric among the columns: as listed; of several days by day."""
    if metric in _PLACES:
        return _PLACES[metric], 0.0, metric
    dated = _day_of(metric)
    if dated is None:
        return len(_PLACES), 0.0, metric
    place = _PLACES["auc"] if dated[0] == "auc" else len(_PLACES) + 1
    return place, dated[1], metric


def _day_of(metric: str) -> tuple[str, float] | None:
    """Return name and day of ``<name>_<day>``, `None` for any other metric."""
    name, _, day = metric.rpartition("_")
    return (name, float(day)) if name in _AT_DAYS and day.replace(".", "", 1).isdecimal() else None
