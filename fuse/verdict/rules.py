"""The rules that answers follow, written before any number is seen, and what stands under every verdict.

Enters: the metric that a run is judged by. Leaves: the rule of each question in words.
"""

from __future__ import annotations

from fuse.metrics.kaplan_meier import PROGNOSTIC_NOT_PREDICTIVE
from fuse.verdict.words import SMALLEST_GAIN, Measure

NOTES_ON_GROUPS = (PROGNOSTIC_NOT_PREDICTIVE,)
NOTES_INSIDE = (
    "Every interval is nominally 95 %. In simulated cohorts of 95, 300 and 1,000 cases those of C and its "
    "differences (AUROC has the same kind) held the truth of linear models in 95 % or more, of a choice of "
    "one column of 48 in 92 %; trees and networks were not simulated. Those that are conditional on the "
    "fitted models are too narrow for the procedure: 79 to 93 % at 95 cases.",
    "All numbers are internal: cross-validation in one cohort does not show what holds in another hospital.",
)
NOTES_OUTSIDE = (
    "Every interval is nominally 95 %. Cases of the other cohort are resampled and no model is fitted again: "
    "an interval speaks of these fitted models, not of how they are fitted.",
    "All numbers are external, from one other cohort: they do not show what holds in a third one.",
)


def chance_rule(measure: Measure) -> str:
    """Return when something predicts better than chance."""
    return (
        f"no if the upper limit of {measure.short} is below {0.5 + SMALLEST_GAIN:.2f}; yes if it is not and "
        "the lower limit is above 0.50; otherwise cannot tell"
    )


def gain_rule(measure: Measure) -> str:
    """Return when one arm adds to another."""
    return (
        f"no if the upper limit of the difference in {measure.short} is below {SMALLEST_GAIN:+.2f}, the "
        "smallest gain that would matter; yes if it is not and the lower limit is above 0; otherwise cannot "
        "tell"
    )
