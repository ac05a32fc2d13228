"""Early fusion of classes: the columns of all modalities in one table, one logistic regression.

Enters: the values of several modalities and the class of each case. Leaves: log odds, or a score a class, to
which each modality adds a weighted sum of its own columns. Scaled and joined as in `early.py`; an absent
modality adds exactly 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from fuse.cases import Cases
from fuse.fusion.early import EarlyScorer, fit_blocks, score_blocks
from fuse.models.card import CLASSES, ModelCard
from fuse.models.learner import Learner, Scorer, Setting, is_learnable, null_scorer
from fuse.models.ridge_logistic import ALPHAS, multinomial_coefficients
from fuse.outcomes.outcomes import Classes


@dataclass(frozen=True, kw_only=True)
class EarlyClassesScorer:
    """One weighted sum for each class."""

    of_class: tuple[EarlyScorer, ...]

    def risk(self, cases: Cases) -> Float[np.ndarray, "case class"]:
        """Return log probabilities above the shares of the train part, up to a constant of the case."""
        return np.stack([scorer.risk(cases) for scorer in self.of_class], axis=1)

    def contributions(self, cases: Cases) -> dict[str, Float[np.ndarray, "case class"]]:
        """Return what each modality adds to the score of each class; exactly 0.0 where it is absent."""
        parts = [scorer.contributions(cases) for scorer in self.of_class]
        return {name: np.stack([part[name] for part in parts], axis=1) for name in parts[0]}


class EarlyLogistic(Learner):
    """The same regression, the same penalties to choose from, on the columns of several modalities."""

    name = "early_logistic"

    def __init__(self, modalities: tuple[str, ...], missing_indicators: bool = False) -> None:
        self.modalities = modalities
        self.missing_indicators = missing_indicators

    def candidates(self) -> tuple[Setting, ...]:
        """Return the penalties, the strongest first."""
        return tuple(Setting((("alpha", alpha),)) for alpha in ALPHAS)

    def fit_path(
        self, cases: Cases, outcome: Classes, settings: tuple[Setting, ...], seed: int
    ) -> tuple[Scorer, ...]:
        """Fit on all cases, whatever they lack."""
        if not is_learnable(outcome):
            return tuple(null_scorer(outcome) for _ in settings)
        blocks, matrix = fit_blocks(cases, self.modalities, self.missing_indicators)
        scorers: list[Scorer] = []
        for setting in settings:
            found = multinomial_coefficients(matrix, outcome, setting["alpha"])
            if found.shape[1] == 2:
                scorers.append(score_blocks(blocks, found[:, 1] - found[:, 0]))
            else:
                of_class = tuple(score_blocks(blocks, column) for column in found.T)
                scorers.append(EarlyClassesScorer(of_class=of_class))
        return tuple(scorers)


CARD = ModelCard(
    name="early_logistic",
    title="Early fusion (one table, ridge logistic)",
    reads="values",
    modalities="several",
    needs=("sklearn",),
    source="le Cessie and van Houwelingen 1992 on concatenated blocks of equal total variance",
    options=("missing_indicators",),
    endpoints=CLASSES,
    build=lambda modalities, options: EarlyLogistic(
        modalities, bool(options.get("missing_indicators", False))
    ),
)
