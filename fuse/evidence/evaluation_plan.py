"""What an evaluation needs beside the predictions, and what it gives, for every kind of endpoint.

Enters: the door, the folds, and the roles that were fixed before. Leaves: the outcomes of each test part,
opened against the seal of all predictions, with those of its train part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from fuse.cases import FoldPrediction
from fuse.evidence.interval_table import IntervalRow
from fuse.folds.folds import Folds
from fuse.inner_order import InnerPairs
from fuse.metrics.censoring import Horizon
from fuse.metrics.comparison import ComparisonRow, Roles
from fuse.metrics.evaluation import MetricRow
from fuse.metrics.scored import OfCases
from fuse.outcomes.endpoint import OutcomeDoor
from fuse.outcomes.outcomes import Outcome
from fuse.run.class_prediction import ClassPrediction
from fuse.verdict.words import Measure

Said = TypeVar("Said", FoldPrediction, ClassPrediction)


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What an evaluation needs beside the predictions.

    `titles` are the readable names of arms; `external` says that the test part is another cohort. `refits`: C
    of each cheap arm fitted again on each resample of the cases, empty where the protocol asks for none.
    `cuts`: arm -> (repeat, fold) -> what the train part fixed as the cut of the test part, see cuts.csv;
    `inner_pairs` the same of how the inner folds were ordered, see inner_pairs.csv.
    """

    folder: Path
    door: OutcomeDoor
    folds: Folds
    roles: Roles
    titles: Mapping[str, str]
    seed: int
    external: bool = False
    refits: Mapping[str, Sequence[float]] = field(default_factory=dict)
    cuts: Mapping[str, Mapping[tuple[int, int], float]] = field(default_factory=dict)
    inner_pairs: Mapping[str, Mapping[tuple[int, int], InnerPairs]] = field(default_factory=dict)

    def with_inner(self, arm: str, folds: Sequence[Said]) -> list[Said]:
        """Return the predictions of an arm with how it ordered the inner folds of each train part."""
        known = self.inner_pairs.get(arm, {})
        return [replace(fold, inner_pairs=known.get((fold.repeat, fold.fold))) for fold in folds]

    def open_outcomes(
        self, predictions: Sequence[OfCases], sealed: Mapping[str, tuple[Path, str]]
    ) -> Iterator[tuple[OfCases, Outcome, Outcome]]:
        """Yield each fold with the outcomes of its test part, in its order, and of its train part."""
        parts = {(fold.repeat, fold.fold): fold for fold in self.folds.folds}
        for fold in predictions:
            train = [self.folds.case_ids[row] for row in parts[fold.repeat, fold.fold].train]
            test = self.door.evaluation(fold.case_ids, dict(sealed.values()))
            yield fold, test, self.door.training(train)


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """What the evaluation of all arms gave.

    `tested` are the outcomes of all tested cases, each once; `alone` the primary metric of each single
    modality, with intervals that hold together; `curves` the content of curves.json;
    `intervals` those of every method.
    """

    metrics: Mapping[str, Sequence[MetricRow]]
    comparisons: Sequence[ComparisonRow]
    alone: Mapping[str, MetricRow]
    tested: Outcome
    horizon: Horizon | None
    measure: Measure
    curves: dict[str, Any]
    intervals: Sequence[IntervalRow] = ()
    classes: Mapping[str, int] = field(default_factory=dict)
