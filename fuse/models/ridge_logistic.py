"""Logistic regression with a ridge penalty: the plain, strong model for classes.

Enters: the values of one modality and the class of each case. Leaves: log odds, or one score a class, above
those of the train part, each a weighted sum of the columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from feature_cache.errors import OutcomeError
from fuse.cases import Cases
from fuse.models.card import CLASSES, ModelCard
from fuse.models.design import Design, fit_design
from fuse.models.learner import Learner, Scorer, Setting, is_learnable, null_scorer, spread
from fuse.models.ridge_cox import LinearScorer
from fuse.outcomes.outcomes import Classes, Outcome

#: Penalties for columns of total variance 1, as for Cox: the prior variance of log odds is 1 / alpha.
ALPHAS = (16.0, 4.0, 1.0, 0.25)


@dataclass(frozen=True, kw_only=True)
class ClassesScorer:
    """A weighted sum of one modality's columns for each class; over classes they sum to 0."""

    modality: str
    design: Design
    weights: Float[np.ndarray, "filled class"]

    def risk(self, cases: Cases) -> Float[np.ndarray, "case class"]:
        """Return log probabilities above the shares of the train part, up to a constant of the case."""
        modality = cases.modalities[self.modality]
        filled = self.design.fill(modality.values[modality.present])
        scores = [np.sum(filled * weights, axis=1) for weights in self.weights.T]
        return spread(np.stack(scores, axis=1), modality.present)


class RidgeLogistic(Learner):
    """Ridge-penalised logistic or multinomial regression on one modality."""

    name = "ridge_logistic"

    def __init__(self, modalities: tuple[str, ...], missing_indicators: bool = False) -> None:
        self.modalities = modalities
        self.missing_indicators = missing_indicators

    def candidates(self) -> tuple[Setting, ...]:
        """Return the penalties, the strongest first."""
        return tuple(Setting((("alpha", alpha),)) for alpha in ALPHAS)

    def fit_path(
        self, cases: Cases, outcome: Outcome, settings: tuple[Setting, ...], seed: int
    ) -> tuple[Scorer, ...]:
        """Fit on the cases that have the modality."""
        if not isinstance(outcome, Classes):
            raise OutcomeError(
                "model ridge_logistic",
                expected="an endpoint of classes",
                got="one of times",
                remedy="Use a Cox model (ridge_cox, elastic_net_cox) for it.",
            )
        modality = cases.modalities[self.modalities[0]]
        rows = np.flatnonzero(modality.present)
        seen = outcome.take(rows)
        if not is_learnable(seen):
            return tuple(null_scorer(seen) for _ in settings)
        values = modality.values[rows]
        design = fit_design(values, modality.scale_columns, self.missing_indicators)
        matrix = design.matrix(values)
        return tuple(
            self._scorer(design, multinomial_coefficients(matrix, seen, setting["alpha"]))
            for setting in settings
        )

    def _scorer(self, design: Design, coefficients: Float[np.ndarray, "column class"]) -> Scorer:
        weights = design.column_weights(coefficients)
        if coefficients.shape[1] > 2:
            return ClassesScorer(modality=self.modalities[0], design=design, weights=weights)
        return LinearScorer(modality=self.modalities[0], design=design, weights=weights[:, 1] - weights[:, 0])


def multinomial_coefficients(
    matrix: Float[np.ndarray, "case column"], outcome: Classes, alpha: float
) -> Float[np.ndarray, "column class"]:
    """Return the coefficients that maximise log likelihood - alpha / 2 * their squares, intercepts free.

    scikit-learn's Newton steps. Of two classes the squares are those of the difference, which stands in the
    second column; a class that no case has gets 0.
    """
    from sklearn.linear_model import LogisticRegression

    coefficients = np.zeros((matrix.shape[1], len(outcome.names)))
    if not matrix.any():
        return coefficients
    model = LogisticRegression(C=1.0 / alpha, solver="newton-cholesky", tol=1e-8, max_iter=200)
    model.fit(matrix, outcome.label)
    found = np.asarray(model.coef_, dtype=np.float64).T
    classes = model.classes_
    if len(classes) == 2:
        coefficients[:, classes[1]] = found[:, 0]
    else:
        coefficients[:, classes] = found
    return coefficients


CARD = ModelCard(
    name="ridge_logistic",
    title="Logistic regression, ridge penalty",
    reads="values",
    modalities="one",
    needs=("sklearn",),
    source="le Cessie and van Houwelingen 1992, doi 10.2307/2347628",
    options=("missing_indicators",),
    endpoints=CLASSES,
    build=lambda modalities, options: RidgeLogistic(
        modalities, bool(options.get("missing_indicators", False))
    ),
)
