"""Random survival forest: many deep trees, each on a resample, split where survival differs most.

Enters: the values of one modality. Leaves: the log of the number of events that the forest expects. Times
are first cut into bins at the train part's events: the log-rank test of each possible split costs as much
as there are different times, and a forest of 500 cases would take minutes.
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
    from sksurv.ensemble import RandomSurvivalForest

#: Cases that a leaf has at least; the coarser forest comes first.
LEAVES = (15, 5)
TREES = 100

#: Bins of time that a split is judged by.
TIME_BINS = 16

#: Wider tables are reduced to their components; each split looks at half of the columns, 16 at most.
WIDEST = 64
COLUMNS_PER_SPLIT = 16


@dataclass(frozen=True, kw_only=True)
class ForestScorer:
    """A forest, centred on the train part."""

    columns: CaseColumns
    forest: RandomSurvivalForest
    mean: float = 0.0

    def risk(self, cases: Cases) -> Float[np.ndarray, " case"]:
        """Return the log of expected events; 0.0 for cases without the modality."""
        columns = self.columns.of(cases)
        # leaves without an event expect none: half an event keeps the log finite
        said = np.log(self.forest.predict(columns) + 0.5) if len(columns) else np.empty(0)
        return spread(said - self.mean, cases.modalities[self.columns.modality].present)


class SurvivalForest(Learner):
    """A random survival forest on one modality."""

    name = "survival_forest"

    def __init__(self, modalities: tuple[str, ...]) -> None:
        self.modalities = modalities

    def candidates(self) -> tuple[Setting, ...]:
        """Return the sizes of leaves, the largest first."""
        return tuple(Setting((("leaf", float(leaf)),)) for leaf in LEAVES)

    def fit_path(
        self, cases: Cases, outcome: Survival, settings: tuple[Setting, ...], seed: int
    ) -> tuple[Scorer, ...]:
        """Grow a forest for each size of leaves on the cases that have the modality."""
        rows = np.flatnonzero(cases.modalities[self.modalities[0]].present)
        seen, train = outcome.take(rows), cases.take(rows)
        if not is_learnable(seen):
            return tuple(null_scorer(seen) for _ in settings)
        columns = fit_case_columns(train.modalities[self.modalities[0]], WIDEST)
        matrix = columns.of(train)
        scorers = []
        for setting in settings:
            forest = _grown(matrix, seen, int(setting["leaf"]), seed)
            plain = ForestScorer(columns=columns, forest=forest)
            scorers.append(replace(plain, mean=float(plain.risk(train).mean())))
        return tuple(scorers)


def binned_times(outcome: Survival) -> Float[np.ndarray, " case"]:
    """Return the number of the bin of each time, from 1; bins end at quantiles of the times of events."""
    shares = np.arange(1, TIME_BINS) / TIME_BINS
    ends = np.unique(np.quantile(outcome.time_days[outcome.event], shares, method="lower"))
    return np.searchsorted(ends, outcome.time_days, side="left") + 1.0


def _grown(
    matrix: Float[np.ndarray, "case column"], outcome: Survival, leaf: int, seed: int
) -> RandomSurvivalForest:
    from sksurv.ensemble import RandomSurvivalForest
    from sksurv.util import Surv

    forest = RandomSurvivalForest(
        n_estimators=TREES,
        min_samples_leaf=leaf,
        max_features=max(1, min(COLUMNS_PER_SPLIT, matrix.shape[1] // 2)),
        low_memory=True,
        n_jobs=1,
        random_state=seed % 2**31,
    )
    return forest.fit(matrix, Surv.from_arrays(outcome.event, binned_times(outcome)))


CARD = ModelCard(
    name="survival_forest",
    title="Random survival forest",
    reads="values",
    modalities="one",
    needs=("sksurv",),
    source="Ishwaran et al. 2008, doi 10.1214/08-AOAS169; scikit-survival",
    build=lambda modalities, options: SurvivalForest(modalities),
)
