"""Cox regression with a ridge penalty: the plain, strong model for a table of any width.

Enters: the values of one modality. Leaves: a log relative hazard that is one weighted sum of the columns.
On clinical values this is the clinical Cox model that everything else is compared with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from fuse.cases import Cases
from fuse.models.card import ModelCard
from fuse.models.design import Design, design_of, filled_rows, matrix_of
from fuse.models.learner import Learner, NullScorer, Scorer, Setting, is_learnable, spread
from fuse.models.newton_cox import ridge_cox_path
from fuse.outcomes.outcomes import Survival

#: Penalties for columns of total variance 1: the prior variance of a case's log hazard is 1 / alpha.
ALPHAS = (256.0, 64.0, 16.0, 4.0, 1.0, 0.25)

#: From here on a fourfold weaker penalty has to gain one unit of log likelihood to count as much. Without
#: this price weak penalties cost planted cohorts of 95 up to .009 of C; without them omics of TCGA lose .02.
FREE_ALPHA = 16.0


def price(alpha: float) -> float:
    """Return the log likelihood that a penalty must gain beyond those that cost nothing."""
    return float(max(0.0, np.emath.logn(4.0, FREE_ALPHA / alpha)))


@dataclass(frozen=True, kw_only=True)
class LinearScorer:
    """A weighted sum of one modality's columns."""

    modality: str
    design: Design
    weights: Float[np.ndarray, " filled"]

    def risk(self, cases: Cases) -> Float[np.ndarray, " case"]:
        """Return the log relative hazard; 0.0 for cases without the modality."""
        modality = cases.modalities[self.modality]
        filled = filled_rows(self.design, modality)
        return spread(np.sum(filled * self.weights, axis=1), modality.present)


class RidgeCox(Learner):
    """Ridge-penalised Cox regression on one modality."""

    name = "ridge_cox"
    averages = True

    def __init__(self, modalities: tuple[str, ...], missing_indicators: bool = False) -> None:
        self.modalities = modalities
        self.missing_indicators = missing_indicators

    def candidates(self) -> tuple[Setting, ...]:
        """Return the penalties, the strongest first."""
        return tuple(Setting((("alpha", alpha),)) for alpha in ALPHAS)

    def shares(self, gains: Sequence[float]) -> Float[np.ndarray, " setting"]:
        """Return how much each penalty counts: what it gains, less its price."""
        prices = [price(setting["alpha"]) for setting in self.candidates()]
        return super().shares([gain - cost for gain, cost in zip(gains, prices, strict=True)])

    def fit_path(
        self, cases: Cases, outcome: Survival, settings: tuple[Setting, ...], seed: int
    ) -> tuple[Scorer, ...]:
        """Fit on the cases that have the modality."""
        modality = cases.modalities[self.modalities[0]]
        rows = np.flatnonzero(modality.present)
        seen = outcome.take(rows)
        if not is_learnable(seen):
            return tuple(NullScorer() for _ in settings)
        design = design_of(modality, self.missing_indicators)
        matrix = matrix_of(design, modality)
        path = ridge_cox_path(matrix, seen, tuple(setting["alpha"] for setting in settings))
        return tuple(
            LinearScorer(modality=modality.name, design=design, weights=design.column_weights(found))
            for found in path
        )


CARD = ModelCard(
    name="ridge_cox",
    title="Cox regression, ridge penalty",
    reads="values",
    modalities="one",
    needs=(),
    source="Cox 1972; Verweij and van Houwelingen 1994 (penalised likelihood)",
    options=("missing_indicators",),
    build=lambda modalities, options: RidgeCox(modalities, bool(options.get("missing_indicators", False))),
    late_entry=True,
)
