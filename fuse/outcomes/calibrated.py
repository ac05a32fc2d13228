"""From a risk to probabilities, for every kind of endpoint: a slope on out-of-fold risks and a baseline.

Enters: risks of the train part that were predicted out of fold, and their outcomes. Leaves: the probability
of no event up to some days (times), of the event of interest not having come first (several causes), or of
each class. In-sample risks of an overfitted model are too far apart; out of fold they are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float

from fuse.models.baseline_hazard import breslow, fit_baseline
from fuse.models.cause_hazards import CauseHazards
from fuse.outcomes.likelihood import fit_offsets, log_likelihood, non_negative_slope, scores_of_classes
from fuse.outcomes.outcomes import Classes, Competing, Outcome, Survival


class Calibration(Protocol):
    """What turns the risks of an arm into probabilities."""

    def probability(
        self, risk: Float[np.ndarray, " case *classes"], times_days: Float[np.ndarray, " time"]
    ) -> Float[np.ndarray, "case column"]:
        """Return, in [0, 1], a column for each of the days (no event up to it), or for each class."""


@dataclass(frozen=True, kw_only=True)
class ClassBaseline:
    """The slope that scores are given, and the offset of each class (-inf: nobody has it)."""

    slope: float
    offset: Float[np.ndarray, " class"]

    def probability(
        self, risk: Float[np.ndarray, " case *classes"], times_days: Float[np.ndarray, " time"]
    ) -> Float[np.ndarray, "case class"]:
        """Return the probability of each class; rows sum to 1. The days are not used."""
        scores = self.slope * scores_of_classes(risk) + self.offset
        return np.asarray(np.exp(scores - np.logaddexp.accumulate(scores, axis=1)[:, -1:]))


@dataclass(frozen=True, kw_only=True)
class CompetingBaseline:
    """Hazards of the cause of interest, which follow the risk, and of all others together, which do not."""

    hazards: CauseHazards

    def probability(
        self, risk: Float[np.ndarray, " case"], times_days: Float[np.ndarray, " time"]
    ) -> Float[np.ndarray, "case time"]:
        """Return 1 - the cumulative incidence of the cause of interest up to each day.

        Whoever had another cause first never has this one: the probability does not fall to 0.
        """
        return 1.0 - self.hazards.incidence(np.stack([risk, np.zeros_like(risk)]), times_days)


def fit_calibration(oof_risk: Float[np.ndarray, " case *classes"], outcome: Outcome) -> Calibration:
    """Fit slope and baseline on risks that were predicted out of fold.

    Risks that are all the same, or that go against what happened, get slope 0: everybody is given what the
    train part has on the whole.
    """
    if isinstance(outcome, Classes):
        slope = non_negative_slope(oof_risk, outcome)
        offset = fit_offsets(slope * scores_of_classes(oof_risk), outcome)
        return ClassBaseline(slope=slope, offset=offset)
    if isinstance(outcome, Competing):
        return _fit_competing(oof_risk, outcome)
    return fit_baseline(oof_risk, outcome)


def held_out_gain(risk: Float[np.ndarray, " case *classes"], outcome: Outcome) -> float:
    """Return the log likelihood of out-of-fold risks, at their best slope >= 0, above the null's.

    At slope 1 a strong penalty would be charged for its short risks, although the calibration's slope (and
    late fusion) stretch them: the candidate would be chosen for its scale, not for its ranking.
    """
    null = log_likelihood(np.zeros_like(risk), outcome)
    return log_likelihood(non_negative_slope(risk, outcome) * risk, outcome) - null


def _fit_competing(oof_risk: Float[np.ndarray, " case"], outcome: Competing) -> CompetingBaseline:
    slope = non_negative_slope(oof_risk, outcome)
    others = Survival(event=outcome.cause > 1, time_days=outcome.time_days, entry_days=outcome.entry_days)
    curves = (breslow(slope * oof_risk, outcome), breslow(np.zeros_like(oof_risk), others))
    return CompetingBaseline(hazards=CauseHazards.join((slope, 0.0), curves))
