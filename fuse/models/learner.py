"""What a model must offer to be an arm of a benchmark.

Enters: the cases and outcomes of a train part, and one setting to use. Leaves: a scorer that gives every case
a log relative hazard on its own. A learner sees the train part only, so it cannot learn from anything else;
which setting is used is decided by `fuse/arm.py` on inner folds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias

import numpy as np
from jaxtyping import Bool, Float

from fuse.cases import Cases
from fuse.outcomes.outcomes import Classes, Outcome

if TYPE_CHECKING:
    from fuse.outcomes.calibrated import Calibration

#: Below this number of events (of cases of a class) a train part teaches nothing: the scorer is the null's.
MIN_EVENTS = 3

#: Outcomes of the kind that a learner's card names: which one it is differs from learner to learner.
TrainOutcome: TypeAlias = Any


@dataclass(frozen=True)
class Setting:
    """One candidate of what is chosen inside the train part: a penalty, a number of rounds or epochs."""

    values: tuple[tuple[str, float], ...] = ()

    def __getitem__(self, name: str) -> float:
        """Return one value (`KeyError` where the setting has none of that name)."""
        return dict(self.values)[name]

    def __str__(self) -> str:
        """Return the setting as it stands in run.json and in logs."""
        return ", ".join(f"{name}={value:g}" for name, value in self.values) or "nothing to choose"


class Scorer(Protocol):
    """A fitted model."""

    def risk(self, cases: Cases) -> Float[np.ndarray, " case *classes"]:
        """Return the log relative hazard of each case (float64, higher = earlier).

        0.0 is the mean of the train part, and exactly 0.0 is what a case without the modality gets. Each
        case is scored on its own: the others of `cases` change nothing. Of two classes it is the log odds
        of yes above those of the train part, of more (case, class) the log probabilities above its shares.
        """


class Learner(Protocol):
    """A model before it is fitted. Classes inherit from this and add `fit_path`."""

    name: str
    modalities: tuple[str, ...]

    #: Whether the settings are averaged by what they gain on inner folds, or the best of them is chosen.
    averages: ClassVar[bool] = False

    #: Whether competing causes have a fit each, or one fit learns the cause of interest.
    per_cause: ClassVar[bool] = False

    def candidates(self) -> tuple[Setting, ...]:
        """Return the settings to choose from, the most cautious first (a tie goes to the first)."""
        return (Setting(),)

    def shares(self, gains: Sequence[float]) -> Float[np.ndarray, " setting"]:
        """Return how much each setting counts by its gain out of fold; see `averages`."""
        from fuse.models.averaged import shares_of

        return shares_of(gains) if self.averages else np.eye(len(gains))[int(np.argmax(gains))]

    def gain(self, risk: Float[np.ndarray, " case *classes"], outcome: TrainOutcome) -> float:
        """Return the log likelihood of out-of-fold risks above the null's: what settings are judged by."""
        from fuse.outcomes.calibrated import held_out_gain

        return held_out_gain(risk, outcome)

    def calibrate(self, oof_risk: Float[np.ndarray, " case *classes"], outcome: TrainOutcome) -> Calibration:
        """Return what turns risks into probabilities, fitted on risks that were predicted out of fold."""
        from fuse.outcomes.calibrated import fit_calibration

        return fit_calibration(oof_risk, outcome)

    def fit(self, cases: Cases, outcome: TrainOutcome, setting: Setting, seed: int) -> Scorer:
        """Fit one setting on a train part. Same inputs and seed: bitwise the same scorer."""
        return self.fit_path(cases, outcome, (setting,), seed)[0]

    def fit_path(
        self, cases: Cases, outcome: TrainOutcome, settings: tuple[Setting, ...], seed: int
    ) -> tuple[Scorer, ...]:
        """Fit several settings on one train part, sharing what they have in common.

        Each scorer is bitwise the one that `fit` returns for its setting alone.
        """


@dataclass(frozen=True, kw_only=True)
class NullScorer:
    """Knows nothing: every case has the mean risk. `classes` are those of a multiclass endpoint, else 0."""

    classes: int = 0

    def risk(self, cases: Cases) -> Float[np.ndarray, " case *classes"]:
        """Return zeros."""
        return np.zeros((len(cases), self.classes) if self.classes else len(cases))


def null_scorer(outcome: Outcome) -> NullScorer:
    """Return the scorer that knows nothing, of the shape that the endpoint's risks have."""
    if isinstance(outcome, Classes) and len(outcome.names) > 2:
        return NullScorer(classes=len(outcome.names))
    return NullScorer()


def is_learnable(outcome: Outcome) -> bool:
    """Return whether a train part has enough events, and somebody beside them, to learn a risk from.

    Of classes: whether at least two have `MIN_EVENTS` cases.
    """
    if isinstance(outcome, Classes):
        return int(np.sum(np.bincount(outcome.label) >= MIN_EVENTS)) >= 2
    return int(outcome.event.sum()) >= MIN_EVENTS and len(np.unique(outcome.time_days)) > 1


def spread(
    values: Float[np.ndarray, " present *classes"], present: Bool[np.ndarray, " case"]
) -> Float[np.ndarray, " case *classes"]:
    """Return the risks of the cases that have the modality in their rows, and exactly 0.0 in the others."""
    risk = np.zeros((len(present), *values.shape[1:]))
    risk[present] = values
    return risk
