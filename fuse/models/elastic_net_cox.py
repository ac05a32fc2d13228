"""Cox regression with an elastic net: most columns get no weight at all.

Enters: the values of one modality. Leaves: a log relative hazard that is a weighted sum of few columns. Where
few of many columns carry the outcome this finds them; ridge, or its components, would spread them thin.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from fuse.cases import Cases
from fuse.losses import partial_log_likelihood_gradient
from fuse.models.card import ModelCard
from fuse.models.design import fit_design
from fuse.models.learner import Learner, Scorer, Setting, is_learnable, null_scorer
from fuse.models.ridge_cox import LinearScorer
from fuse.outcomes.outcomes import Survival

#: Share of the penalty that is on absolute weights (lasso), the rest on their squares.
L1_RATIOS = (0.9, 0.3)

#: Penalties as shares of the smallest one at which no column has a weight; the path passes through all.
SHARES = (0.8, 0.5, 0.3, 0.2)


class ElasticNetCox(Learner):
    """Elastic-net-penalised Cox regression on one modality."""

    name = "elastic_net_cox"

    def __init__(self, modalities: tuple[str, ...], missing_indicators: bool = False) -> None:
        self.modalities = modalities
        self.missing_indicators = missing_indicators

    def candidates(self) -> tuple[Setting, ...]:
        """Return the penalties, those with the fewest columns first."""
        return tuple(
            Setting((("l1_ratio", ratio), ("share", share))) for ratio in L1_RATIOS for share in SHARES
        )

    def fit_path(
        self, cases: Cases, outcome: Survival, settings: tuple[Setting, ...], seed: int
    ) -> tuple[Scorer, ...]:
        """Fit one path for each ratio on the cases that have the modality."""
        modality = cases.modalities[self.modalities[0]]
        rows = np.flatnonzero(modality.present)
        seen = outcome.take(rows)
        if not is_learnable(seen):
            return tuple(null_scorer(seen) for _ in settings)
        values = modality.values[rows]
        design = fit_design(values, modality.scale_columns, self.missing_indicators)
        filled = design.fill(values)
        # columns of mean variance 1: the penalty on squares is weighed against them
        unit = math.sqrt(max(1, int(filled.any(axis=0).sum())))
        paths = {
            ratio: elastic_net_path(filled * unit, seen, ratio)
            for ratio in sorted({setting["l1_ratio"] for setting in settings})
        }
        return tuple(
            LinearScorer(
                modality=modality.name,
                design=design,
                weights=paths[setting["l1_ratio"]][:, SHARES.index(setting["share"])] * unit,
            )
            for setting in settings
        )


def elastic_net_path(
    matrix: Float[np.ndarray, "case column"], outcome: Survival, l1_ratio: float
) -> Float[np.ndarray, "column share"]:
    """Return the coefficients at each of `SHARES` of the smallest penalty that leaves no column.

    scikit-survival's coordinate descent (Simon et al. 2011), each penalty from the one before: a path is
    always fitted whole, so that a penalty has the same coefficients whichever others are asked for.
    """
    from sksurv.linear_model import CoxnetSurvivalAnalysis
    from sksurv.util import Surv

    labels = Surv.from_arrays(outcome.event, outcome.time_days)
    used = np.flatnonzero(matrix.any(axis=0))
    path = np.zeros((matrix.shape[1], len(SHARES)))
    if not len(used):
        return path
    columns = np.asfortranarray(matrix[:, used])
    alphas = smallest_empty_penalty(columns, outcome, l1_ratio) * np.array(SHARES)
    path[used] = CoxnetSurvivalAnalysis(alphas=alphas, l1_ratio=l1_ratio).fit(columns, labels).coef_
    return path


def smallest_empty_penalty(
    matrix: Float[np.ndarray, "case column"], outcome: Survival, l1_ratio: float
) -> float:
    """Return the penalty from which on no centred column has a weight: the steepest slope at 0."""
    slope = matrix.T @ partial_log_likelihood_gradient(np.zeros(len(matrix)), outcome)
    return float(np.abs(slope).max()) / len(matrix) / l1_ratio


CARD = ModelCard(
    name="elastic_net_cox",
    title="Cox regression, elastic net",
    reads="values",
    modalities="one",
    needs=("sksurv",),
    source="Simon, Friedman, Hastie, Tibshirani 2011, doi 10.18637/jss.v039.i05 (scikit-survival's Coxnet)",
    options=("missing_indicators",),
    build=lambda modalities, options: ElasticNetCox(
        modalities, bool(options.get("missing_indicators", False))
    ),
)
