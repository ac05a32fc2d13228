"""Boosted trees under the Cox likelihood: interactions and thresholds that a weighted sum cannot see.

Enters: the values of one modality, NaN where not observed (trees have a branch for it). Leaves: the margin, a
log relative hazard. Trees are shallow and rounds few: the inner folds of a small cohort see some 16
events and cannot choose more than one small number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import numpy as np
from jaxtyping import Float, Int

from feature_cache.errors import OutcomeError
from fuse.cases import Cases
from fuse.models.boosting_library import import_xgboost
from fuse.models.card import ModelCard, Options
from fuse.models.learner import Learner, Scorer, Setting, is_learnable, null_scorer, spread
from fuse.outcomes.outcomes import Survival

if TYPE_CHECKING:
    from xgboost import Booster, DMatrix

#: Rounds to choose from; one training run passes through all of them. Thousands of cases carry more, which
#: the option `rounds` adds (MultiSurv, 8,880 train cases: validation C .76 after 80 rounds, .78 after 300).
ROUNDS = (10, 30, 80)
MORE_ROUNDS = (200, 500)

#: One thread: two were 8 to 19 times slower on a busy machine, and one gives the same trees every time.
PARAMETERS: dict[str, object] = {
    "tree_method": "hist",
    "nthread": 1,
    "max_bin": 32,
    "max_depth": 2,
    "eta": 0.1,
    "min_child_weight": 2.0,
    "reg_lambda": 5.0,
    "subsample": 0.7,
    "verbosity": 0,
}

#: What xgboost is told of the outcomes, under its own names.
Labels: TypeAlias = Mapping[str, Float[np.ndarray, " case"]]

#: Columns that each tree looks at; a wide table would offer too many chance splits.
COLUMNS_PER_TREE = 128


@dataclass(frozen=True, kw_only=True)
class BoostedScorer:
    """The first rounds of a booster, centred on the train part; `columns` are those that it knows.

    `sign` is -1 where the margin is a time, 1 where it is a hazard.
    """

    modality: str
    columns: Int[np.ndarray, " known"]
    booster: Booster
    rounds: int
    sign: float
    mean: float

    def risk(self, cases: Cases) -> Float[np.ndarray, " case"]:
        """Return the log relative hazard; 0.0 for cases without the modality."""
        modality = cases.modalities[self.modality]
        return spread(self.margin(modality.values[modality.present]) - self.mean, modality.present)

    def margin(self, values: Float[np.ndarray, "present column"]) -> Float[np.ndarray, " present"]:
        """Return the sum of the leaves of each row, higher = earlier."""
        if not len(values):
            return np.empty(0)
        known = values if len(self.columns) == values.shape[1] else values[:, self.columns]
        return self._signed(
            # no table of xgboost's own is made: it would take six times as long as the trees
            self.booster.inplace_predict(known, iteration_range=(0, self.rounds), predict_type="margin")
        )

    def margin_of(self, table: DMatrix) -> Float[np.ndarray, " present"]:
        """Return the margin of a table that is in xgboost's own form already."""
        return self._signed(self.booster.predict(table, output_margin=True, iteration_range=(0, self.rounds)))

    def _signed(self, margin: Float[np.ndarray, " present"]) -> Float[np.ndarray, " present"]:
        return self.sign * np.asarray(margin, dtype=np.float64)


class XgboostCox(Learner):
    """Gradient-boosted Cox regression on one modality."""

    name = "xgboost_cox"
    averages = True
    objective: ClassVar[Mapping[str, object]] = {"objective": "survival:cox"}
    sign: ClassVar[float] = 1.0

    def __init__(self, modalities: tuple[str, ...], rounds: int = ROUNDS[-1]) -> None:
        self.modalities = modalities
        self.rounds = rounds

    def candidates(self) -> tuple[Setting, ...]:
        """Return the numbers of rounds up to the most, the fewest first."""
        offered = (rounds for rounds in (*ROUNDS, *MORE_ROUNDS) if rounds <= self.rounds)
        return tuple(Setting((("rounds", float(rounds)),)) for rounds in offered)

    def labels(self, outcome: Survival) -> Labels:
        """Return times, negative where censored."""
        return {"label": np.where(outcome.event, outcome.time_days, -outcome.time_days)}

    def fit_path(
        self, cases: Cases, outcome: Survival, settings: tuple[Setting, ...], seed: int
    ) -> tuple[Scorer, ...]:
        """Boost once up to the largest number of rounds on the cases that have the modality."""
        xgboost = import_xgboost()
        modality = cases.modalities[self.modalities[0]]
        rows = np.flatnonzero(modality.present)
        seen = outcome.take(rows)
        if not is_learnable(seen):
            return tuple(null_scorer(seen) for _ in settings)
        values = modality.values[rows]
        # a column that only other cases have would be drawn for trees too, and they would be other trees
        columns = np.flatnonzero(~np.isnan(values).all(axis=0))
        parameters = {
            **PARAMETERS,
            **self.objective,
            "seed": seed % 2**31,
            "colsample_bytree": min(1.0, COLUMNS_PER_TREE / len(columns)),
        }
        most = int(max(setting["rounds"] for setting in settings))
        train = xgboost.DMatrix(values[:, columns], nthread=1)
        train.set_info(**self.labels(seen))
        booster = xgboost.train(parameters, train, num_boost_round=most)
        whole = BoostedScorer(
            modality=modality.name, columns=columns, booster=booster, rounds=most, sign=self.sign, mean=0.0
        )
        return tuple(_centred(whole, int(setting["rounds"]), train) for setting in settings)


def _centred(whole: BoostedScorer, rounds: int, train: DMatrix) -> BoostedScorer:
    """Return the first rounds, with the mean over the train part taken off."""
    first = replace(whole, rounds=rounds)
    return replace(first, mean=float(first.margin_of(train).mean()))


def most_rounds(options: Options) -> int:
    """Return the most rounds that a protocol asks for (`OutcomeError` where that is none that is offered)."""
    rounds, offered = options.get("rounds", ROUNDS[-1]), (*ROUNDS, *MORE_ROUNDS)
    if isinstance(rounds, bool) or rounds not in offered:
        raise OutcomeError(
            "boosted trees: rounds",
            expected=f"one of {', '.join(map(str, offered))}",
            got=str(rounds),
            remedy="Correct the option of this arm in the protocol.",
        )
    return int(rounds)


CARD = ModelCard(
    name="xgboost_cox",
    title="Boosted trees, Cox likelihood",
    reads="values",
    modalities="one",
    needs=("xgboost",),
    source="Chen and Guestrin 2016, doi 10.1145/2939672.2939785; objective survival:cox",
    options=("rounds",),
    build=lambda modalities, options: XgboostCox(modalities, most_rounds(options)),
)
