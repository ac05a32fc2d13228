"""Early fusion by boosted trees: the columns of all modalities in one table, trees that may look at several.

Enters: the values of several modalities, NaN where not observed; of an absent modality every column is NaN
whatever is stored. Leaves: the margin, a log relative hazard. Trees see thresholds, and interactions of which
each side also matters alone; a product of which neither does is nothing that a first split could find.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from fuse.cases import Cases
from fuse.fusion.late import has_any
from fuse.models.boosting_library import import_xgboost
from fuse.models.card import ModelCard
from fuse.models.learner import Learner, NullScorer, Scorer, Setting, is_learnable, spread
from fuse.models.xgboost_cox import COLUMNS_PER_TREE, PARAMETERS, ROUNDS, XgboostCox
from fuse.outcomes.outcomes import Survival

if TYPE_CHECKING:
    from xgboost import Booster, DMatrix

#: One more than for one modality: a column of each of two, and a clinical one that changes what they mean.
MAX_DEPTH = 3


@dataclass(frozen=True, kw_only=True)
class JoinedScorer:
    """The first rounds of a booster, centred on the train part.

    `modalities`: those that a train case had; `columns`: those of their columns that the booster knows.
    `stand_in` (column of all): what stands for a modality that a case lacks. Trees that never met its absence
    have no branch for it, only a default that means nothing, so the train means do; where train cases lacked
    it too, NaN does, and trees have learned what to make of it.
    """

    modalities: tuple[str, ...]
    columns: Int[np.ndarray, " known"]
    stand_in: Float[np.ndarray, " column"]
    booster: Booster
    rounds: int
    mean: float = 0.0

    def risk(self, cases: Cases) -> Float[np.ndarray, " case"]:
        """Return the log relative hazard; 0.0 for a case without any of the modalities."""
        present = has_any(cases, self.modalities)
        return spread(self._margin(cases.take(np.flatnonzero(present))) - self.mean, present)

    def contributions(self, cases: Cases) -> dict[str, Float[np.ndarray, " case"]]:
        """Return what each modality adds: the SHAP values of its columns (Lundberg et al. 2018), summed.

        What trees answer to a lacking column belongs to the modality that lacks it, so the parts of a case
        that has not all are divided by its present ones: an absent modality adds exactly 0.
        """
        parts = {name: np.zeros(len(cases)) for name in self.modalities}
        rows = np.flatnonzero(has_any(cases, self.modalities))
        if not len(rows):
            return parts
        seen = cases.take(rows)
        said = self.booster.predict(self._table(seen), pred_contribs=True, iteration_range=(0, self.rounds))
        widths = [len(cases.modalities[name].columns) for name in self.modalities]
        owner = np.repeat(np.arange(len(widths)), widths)[self.columns]
        present = np.stack([seen.modalities[name].present for name in self.modalities], axis=1)
        own = np.stack([said[:, :-1][:, owner == k].sum(axis=1) for k in range(len(widths))], axis=1)
        rest = self._margin(seen) - self.mean - np.where(present, own, 0.0).sum(axis=1)
        shared = np.where(present, own + (rest / present.sum(axis=1))[:, None], 0.0)
        for column, name in enumerate(self.modalities):
            parts[name][rows] = shared[:, column]
        return parts

    def centred(self, train: Cases) -> JoinedScorer:
        """Return the scorer whose mean over the train cases that have any modality is 0."""
        present = np.flatnonzero(has_any(train, self.modalities))
        return replace(self, mean=float(self._margin(train.take(present)).mean()))

    def _margin(self, cases: Cases) -> Float[np.ndarray, " case"]:
        if not len(cases):
            return np.empty(0)
        margin = self.booster.predict(
            self._table(cases), output_margin=True, iteration_range=(0, self.rounds)
        )
        return np.asarray(margin, dtype=np.float64)

    def _table(self, cases: Cases) -> DMatrix:
        table = joined(cases, self.modalities, self.stand_in)
        matrix: DMatrix = import_xgboost().DMatrix(table[:, self.columns], nthread=1)
        return matrix


def joined(
    cases: Cases, modalities: tuple[str, ...], stand_in: Float[np.ndarray, " column"] | None = None
) -> Float[np.ndarray, "case column"]:
    """Return the columns of several modalities side by side, NaN or a stand-in where a case lacks one."""
    several = [cases.modalities[name] for name in modalities]
    present = np.concatenate([np.broadcast_to(m.present[:, None], m.values.shape) for m in several], axis=1)
    values = np.concatenate([m.values for m in several], axis=1)
    return np.where(present, values, np.nan if stand_in is None else stand_in)


def _stand_in(train: Cases, modalities: tuple[str, ...]) -> Float[np.ndarray, " column"]:
    """Return the train means of modalities that every train case has, NaN for the others."""
    parts = []
    for modality in (train.modalities[name] for name in modalities):
        known = ~np.isnan(modality.values)
        total = np.where(known, modality.values, 0.0).sum(axis=0)
        means = np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)
        parts.append(means if modality.present.all() else np.full(len(means), np.nan))
    return np.concatenate(parts)


class EarlyBoosted(Learner):
    """Gradient-boosted Cox regression on several modalities at once."""

    name = "early_boosted"
    averages = True

    def __init__(self, modalities: tuple[str, ...]) -> None:
        self.modalities = modalities

    def candidates(self) -> tuple[Setting, ...]:
        """Return the numbers of rounds, the fewest first."""
        return tuple(Setting((("rounds", float(rounds)),)) for rounds in ROUNDS)

    def fit_path(
        self, cases: Cases, outcome: Survival, settings: tuple[Setting, ...], seed: int
    ) -> tuple[Scorer, ...]:
        """Boost once up to the largest number of rounds on the cases that have any modality."""
        xgboost = import_xgboost()
        rows = np.flatnonzero(has_any(cases, self.modalities))
        seen, train = outcome.take(rows), cases.take(rows)
        if not is_learnable(seen):
            return tuple(NullScorer() for _ in settings)
        modalities = tuple(name for name in self.modalities if train.modalities[name].present.any())
        table = joined(train, modalities)
        columns = np.flatnonzero(~np.isnan(table).all(axis=0))
        signed_time = np.where(seen.event, seen.time_days, -seen.time_days)
        parameters = {
            **PARAMETERS,
            **XgboostCox.objective,
            "max_depth": MAX_DEPTH,
            "seed": seed % 2**31,
            "colsample_bytree": min(1.0, COLUMNS_PER_TREE / len(columns)),
        }
        most = int(max(setting["rounds"] for setting in settings))
        matrix = xgboost.DMatrix(
            table[:, columns],
            label=signed_time,
            feature_weights=_drawn_alike(train, modalities)[columns],
            nthread=1,
        )
        booster = xgboost.train(parameters, matrix, num_boost_round=most)
        whole = JoinedScorer(
            modalities=modalities,
            columns=columns,
            stand_in=_stand_in(train, modalities),
            booster=booster,
            rounds=most,
        )
        return tuple(replace(whole, rounds=int(s["rounds"])).centred(train) for s in settings)


def _drawn_alike(cases: Cases, modalities: tuple[str, ...]) -> Float[np.ndarray, " column"]:
    """Return how likely a tree draws each column, so that it draws from every modality alike."""
    widths = np.array([len(cases.modalities[name].columns) for name in modalities])
    return np.repeat(1.0 / widths, widths)


CARD = ModelCard(
    name="early_boosted",
    title="Early fusion (one table, boosted trees)",
    reads="values",
    modalities="several",
    needs=("xgboost",),
    source="Chen and Guestrin 2016, doi 10.1145/2939672.2939785; objective survival:cox",
    build=lambda modalities, options: EarlyBoosted(modalities),
)
