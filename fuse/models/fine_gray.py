"""Fine-Gray regression with a ridge penalty: how likely one cause is to come first, modelled as it is asked.

Enters: the values of one modality, times and causes. Leaves: a log relative subdistribution hazard, one
weighted sum of the columns, and the cumulative incidence that follows from it. It is a model for prognosis:
its coefficients mix what raises the cause of interest with what lowers the others.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from feature_cache.errors import OutcomeError
from fuse.cases import Cases
from fuse.models.card import ModelCard, Options
from fuse.models.design import design_of
from fuse.models.learner import NullScorer, Scorer, Setting, TrainOutcome, is_learnable
from fuse.models.newton_cox import maximise
from fuse.models.ridge_cox import LinearScorer, RidgeCox
from fuse.models.subdistribution import (
    SubdistributionLikelihood,
    fit_subdistribution_baseline,
    subdistribution_gain,
)
from fuse.outcomes.calibrated import Calibration
from fuse.outcomes.outcomes import Competing

logger = logging.getLogger(__name__)

#: The plain regression: no penalty, and nothing to choose.
UNPENALISED = (Setting((("alpha", 0.0),)),)


class FineGray(RidgeCox):
    """Ridge-penalised (or plain) regression of the subdistribution hazard on one modality."""

    name = "fine_gray"

    def __init__(self, modalities: tuple[str, ...], options: Options) -> None:
        super().__init__(modalities, bool(options.get("missing_indicators", False)))
        self.penalised = bool(options.get("penalised", True))

    def candidates(self) -> tuple[Setting, ...]:
        """Return the penalties, the strongest first; none where the regression is plain."""
        return super().candidates() if self.penalised else UNPENALISED

    def shares(self, gains: Sequence[float]) -> Float[np.ndarray, " setting"]:
        """Return how much each penalty counts."""
        return super().shares(gains) if self.penalised else np.ones(1)

    def gain(self, risk: Float[np.ndarray, " case"], outcome: TrainOutcome) -> float:
        """Return what out-of-fold risks gain, by the likelihood of Fine and Gray."""
        return subdistribution_gain(risk, causes_of(outcome))

    def calibrate(self, oof_risk: Float[np.ndarray, " case"], outcome: TrainOutcome) -> Calibration:
        """Return slope and baseline of the subdistribution hazard."""
        return fit_subdistribution_baseline(oof_risk, causes_of(outcome))

    def fit_path(
        self, cases: Cases, outcome: TrainOutcome, settings: tuple[Setting, ...], seed: int
    ) -> tuple[Scorer, ...]:
        """Fit on the cases that have the modality."""
        modality = cases.modalities[self.modalities[0]]
        rows = np.flatnonzero(modality.present)
        seen = causes_of(outcome).take(rows)
        if not is_learnable(seen):
            return tuple(NullScorer() for _ in settings)
        design = design_of(modality, self.missing_indicators)
        path = fine_gray_path(
            design.matrix(modality.values[rows]), seen, tuple(setting["alpha"] for setting in settings)
        )
        return tuple(
            LinearScorer(modality=modality.name, design=design, weights=design.column_weights(found))
            for found in path
        )


def fine_gray_path(
    matrix: Float[np.ndarray, "case column"], outcome: Competing, alphas: tuple[float, ...]
) -> list[Float[np.ndarray, " column"]]:
    """Return the coefficients that maximise the likelihood of Fine and Gray - alpha / 2 * their squares.

    Parameters
    ----------
    matrix
        Columns of about unit scale, (case, column).
    outcome
        Times and causes; an event is that of the first cause.
    alphas
        Penalties >= 0; 0 is the plain regression, whose columns must not be copies of one another.

    Returns
    -------
    list
        Coefficients for each penalty; 0, with a warning in the log, where Newton's steps end nowhere.
    """
    if not matrix.shape[1]:
        return [np.zeros(0) for _ in alphas]
    likelihood = SubdistributionLikelihood.of(matrix, outcome)
    found = []
    for alpha in alphas:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # where a step ends is judged
            coefficients = maximise(likelihood, alpha)
        if coefficients is None:
            logger.warning("Fine-Gray, alpha %g, %d cases: did not converge", alpha, len(outcome))
            coefficients = np.zeros(matrix.shape[1])
        found.append(coefficients)
    return found


def causes_of(outcome: TrainOutcome) -> Competing:
    """Return the outcomes of a competing endpoint (`OutcomeError` for another kind)."""
    if not isinstance(outcome, Competing):
        raise OutcomeError(
            "model fine_gray",
            expected="an endpoint of competing causes",
            got="another kind of endpoint",
            remedy="Use a Cox model (ridge_cox, elastic_net_cox) for it.",
        )
    if outcome.entry_days is not None:
        raise OutcomeError(
            "model fine_gray",
            expected="cases that are all at risk from the start",
            got="cases that came under observation later",
            remedy="Use cause_specific_cox, which honours their entry.",
        )
    return outcome


CARD = ModelCard(
    name="fine_gray",
    title="Fine–Gray regression, ridge penalty",
    reads="values",
    modalities="one",
    needs=(),
    source="Fine and Gray 1999, J Am Stat Assoc 94:496",
    options=("missing_indicators", "penalised"),
    endpoints=("competing",),
    build=FineGray,
)
