"""scikit-survival's gradient boosting: small regression trees down the gradient of the partial likelihood.

Enters: the values of one modality. Leaves: a log relative hazard. Beside `xgboost_cox` it has one level of
splits more, exact thresholds, and on a wide table its principal components, where xgboost draws columns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from fuse.cases import Cases
from fuse.models.card import ModelCard
from fuse.models.case_columns import CaseColumns, fit_case_columns
from fuse.models.learner import Learner, Scorer, Setting, is_learnable, null_scorer, spread
from fuse.outcomes.outcomes import Survival

if TYPE_CHECKING:
    from sklearn.tree import DecisionTreeRegressor

#: Rounds to choose from; one fit passes through all of them.
ROUNDS = (30, 80, 160)
LEARNING_RATE = 0.05

#: Two levels found the sign of a product of two columns (8 columns, 300 cases) at C .61, three at .66, for
#: .005 less where hazards add up; half of the columns at each split were better than their square root.
DEPTH = 3

#: Wider tables are reduced to their components; each split looks at half of the columns, 16 at most.
WIDEST = 64
COLUMNS_PER_SPLIT = 16


@dataclass(frozen=True, kw_only=True)
class TreeSumScorer:
    """The sum of trees, each shrunk by the learning rate, centred on the train part."""

    columns: CaseColumns
    trees: tuple[DecisionTreeRegressor, ...]
    mean: float = 0.0

    def risk(self, cases: Cases) -> Float[np.ndarray, " case"]:
        """Return the log relative hazard; 0.0 for cases without the modality."""
        columns = self.columns.of(cases)
        total = np.zeros(len(columns))
        for tree in self.trees if len(columns) else ():
            total += LEARNING_RATE * tree.predict(columns)
        return spread(total - self.mean, cases.modalities[self.columns.modality].present)


class GradientBoosting(Learner):
    """Gradient-boosted Cox regression on one modality."""

    name = "gradient_boosting"

    def __init__(self, modalities: tuple[str, ...]) -> None:
        self.modalities = modalities

    def candidates(self) -> tuple[Setting, ...]:
        """Return the numbers of rounds, the fewest first."""
        return tuple(Setting((("rounds", float(rounds)),)) for rounds in ROUNDS)

    def fit_path(
        self, cases: Cases, outcome: Survival, settings: tuple[Setting, ...], seed: int
    ) -> tuple[Scorer, ...]:
        """Boost once up to the largest number of rounds on the cases that have the modality."""
        from sksurv.ensemble import GradientBoostingSurvivalAnalysis
        from sksurv.util import Surv

        rows = np.flatnonzero(cases.modalities[self.modalities[0]].present)
        seen, train = outcome.take(rows), cases.take(rows)
        if not is_learnable(seen):
            return tuple(null_scorer(seen) for _ in settings)
        columns = fit_case_columns(train.modalities[self.modalities[0]], WIDEST)
        matrix = columns.of(train)
        model = GradientBoostingSurvivalAnalysis(
            n_estimators=int(max(setting["rounds"] for setting in settings)),
            learning_rate=LEARNING_RATE,
            max_depth=DEPTH,
            min_samples_leaf=5,
            subsample=0.7,
            max_features=max(1, min(COLUMNS_PER_SPLIT, matrix.shape[1] // 2)),
            random_state=seed % 2**31,
        )
        model.fit(matrix, Surv.from_arrays(seen.event, seen.time_days))
        trees = tuple(model.estimators_[:, 0])
        return tuple(_centred(columns, trees[: int(setting["rounds"])], train) for setting in settings)


def _centred(columns: CaseColumns, trees: tuple[DecisionTreeRegressor, ...], train: Cases) -> TreeSumScorer:
    """Return the first trees, with the mean over the train part taken off."""
    plain = TreeSumScorer(columns=columns, trees=trees)
    return replace(plain, mean=float(plain.risk(train).mean()))


CARD = ModelCard(
    name="gradient_boosting",
    title="Gradient boosting, Cox loss",
    reads="values",
    modalities="one",
    needs=("sksurv",),
    source="Friedman 2001; Ridgeway 1999 (Cox loss); scikit-survival",
    build=lambda modalities, options: GradientBoosting(modalities),
)
