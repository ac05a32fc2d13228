"""The metrics of metrics.csv in words: heading, and which way is better.

Enters: a metric's name (``c_index``, ``auc_<day>``, ``ibs``…). Leaves: what the page calls it.
"""

from __future__ import annotations

from dataclasses import dataclass

from fuse.report.numerals import duration


@dataclass(frozen=True, kw_only=True)
class MetricName:
    """A metric as the page writes it; `hint` stands small under the heading.

    `secondary` metrics stand in a table of their own, below the one that the verdict rests on.
    """

    metric: str
    heading: str
    hint: str
    higher_is_better: bool = True
    secondary: bool = False
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
    MetricName(metric="c_index_pooled", heading="C pooled", hint="across folds", secondary=True),
    MetricName(metric="ipa", heading="IPA", hint="index of prediction accuracy", secondary=True),
    MetricName(metric="observed_expected", heading="Observed / expected", hint="1 is right", secondary=True),
)
_PLACES = {name.metric: place for place, name in enumerate(_NAMES)}


def name_metric(metric: str) -> MetricName:
    """Return the words for one metric; a metric that the page does not know keeps its own name."""
    day = _day_of(metric)
    if day is not None:
        return MetricName(metric=metric, heading="AUC", hint=f"at {duration(day)}")
    if metric in _PLACES:
        return _NAMES[_PLACES[metric]]
    return MetricName(metric=metric, heading=metric, hint="", secondary=True)


def sort_key(metric: str) -> tuple[int, float, str]:
    """Return the place of a metric among the columns: the primary, AUC by day, then as listed."""
    day = _day_of(metric)
    if day is not None:
        return _PLACES["auc"], day, metric
    return _PLACES.get(metric, len(_PLACES)), 0.0, metric


def _day_of(metric: str) -> float | None:
    """Return the day of ``auc_<day>``, `None` for any other metric."""
    prefix, _, day = metric.partition("_")
    return float(day) if prefix == "auc" and day.replace(".", "", 1).isdecimal() else None
