"""Cox regression with a ridge penalty: the plain, strong model for a table of any width.

Enters: the values of one modality. Leaves: a log relative hazard that is one weighted sum of the columns.
On clinical values this is the clinical Cox model that everything else is compared with.
"""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from fuse.cases import Cases
from fuse.losses import partial_log_likelihood
from fuse.models.card import ModelCard
from fuse.models.design import Design, fit_design
from fuse.models.learner import Learner, NullScorer, Scorer, Setting, is_learnable, spread
from fuse.outcomes import Survival

logger = logging.getLogger(__name__)

#: Penalties for columns of total variance 1: the prior variance of a case's log hazard is 1 / alpha. Weaker
#: ones (to .25) were tried on planted cohorts of 200: inner folds then choose noise (late C .724, not .731).
ALPHAS = (256.0, 64.0, 16.0)


@dataclass(frozen=True, kw_only=True)
class LinearScorer:
    """A weighted sum of one modality's columns."""

    modality: str
    design: Design
    weights: Float[np.ndarray, " filled"]

    def risk(self, cases: Cases) -> Float[np.ndarray, " case"]:
        """Return the log relative hazard; 0.0 for cases without the modality."""
        modality = cases.modalities[self.modality]
        filled = self.design.fill(modality.values[modality.present])
        return spread(np.sum(filled * self.weights, axis=1), modality.present)


class RidgeCox(Learner):
    """Ridge-penalised Cox regression on one modality."""

    name = "ridge_cox"

    def __init__(self, modalities: tuple[str, ...], missing_indicators: bool = False) -> None:
        self.modalities = modalities
        self.missing_indicators = missing_indicators

    def candidates(self) -> tuple[Setting, ...]:
        """Return the penalties, the strongest first."""
        return tuple(Setting((("alpha", alpha),)) for alpha in ALPHAS)

    def fit_path(
        self, cases: Cases, outcome: Survival, settings: tuple[Setting, ...], seed: int
    ) -> tuple[Scorer, ...]:
        """Fit on the cases that have the modality."""
        modality = cases.modalities[self.modalities[0]]
        rows = np.flatnonzero(modality.present)
        seen = outcome.take(rows)
        if not is_learnable(seen):
            return tuple(NullScorer() for _ in settings)
        values = modality.values[rows]
        design = fit_design(values, modality.scale_columns, self.missing_indicators)
        matrix = design.matrix(values)
        return tuple(
            LinearScorer(
                modality=modality.name,
                design=design,
                weights=design.column_weights(ridge_coefficients(matrix, seen, setting["alpha"])),
            )
            for setting in settings
        )


def ridge_coefficients(
    matrix: Float[np.ndarray, "case column"], outcome: Survival, alpha: float
) -> Float[np.ndarray, " column"]:
    """Return the coefficients that maximise log partial likelihood - alpha / 2 * their squares.

    scikit-survival's Newton steps, ties by Breslow. Where they end nowhere (no finite step, or a point
    worse than 0) the coefficients are 0, the null model's, and a warning is logged. Without a column there
    is none.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sksurv.linear_model import CoxPHSurvivalAnalysis
    from sksurv.util import Surv

    labels = Surv.from_arrays(outcome.event, outcome.time_days)
    zero = np.zeros(matrix.shape[1])
    if not len(zero):
        return zero
    with warnings.catch_warnings(), np.errstate(all="ignore"):  # where the steps end is judged below
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            model = CoxPHSurvivalAnalysis(alpha=alpha, ties="breslow", n_iter=50).fit(matrix, labels)
        except (ValueError, np.linalg.LinAlgError) as error:
            logger.warning("ridge Cox, alpha %g, %d cases: no finite step (%s)", alpha, len(outcome), error)
            return zero
    coefficients = np.asarray(model.coef_, dtype=np.float64)
    gain = partial_log_likelihood(matrix @ coefficients, outcome) - alpha / 2 * float(
        coefficients @ coefficients
    )
    if not gain >= partial_log_likelihood(zero @ matrix.T, outcome) - 1e-9:
        logger.warning("ridge Cox, alpha %g, %d cases: did not converge", alpha, len(outcome))
        return zero
    return coefficients


CARD = ModelCard(
    name="ridge_cox",
    title="Cox regression, ridge penalty",
    reads="values",
    modalities="one",
    needs=("sksurv",),
    source="Cox 1972; Verweij and van Houwelingen 1994 (penalised likelihood)",
    options=("missing_indicators",),
    build=lambda modalities, options: RidgeCox(modalities, bool(options.get("missing_indicators", False))),
)
