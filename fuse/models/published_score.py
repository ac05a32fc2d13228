"""What arms of published scores have in common: points of each case, less their mean in the train part.

Enters: clinical values and the columns that a score reads. Leaves: a scorer. Nothing else is fitted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import numpy as np
from jaxtyping import Float

from feature_cache.errors import OutcomeError
from fuse.cases import Cases, Modality
from fuse.models.learner import spread


class PointRange(Protocol):
    """The least and most points that a case can have, given what is not known of it."""

    @property
    def middle(self) -> Float[np.ndarray, " case"]:
        """The middle of both."""


@dataclass(frozen=True, kw_only=True)
class PublishedScorer(ABC):
    """The score minus its mean in the train part; `columns` maps each input to its column."""

    modality: str
    columns: dict[str, str]
    mean: float = 0.0

    @abstractmethod
    def points(self, modality: Modality) -> PointRange:
        """Return the range of the score for each case that has the modality."""

    def risk(self, cases: Cases) -> Float[np.ndarray, " case"]:
        """Return the middle of the score's range, centred; 0.0 for cases without clinical values."""
        modality = cases.modalities[self.modality]
        return spread(self.points(modality).middle - self.mean, modality.present)


Score = TypeVar("Score", bound=PublishedScorer)


def centre(plain: Score, cases: Cases, model: str) -> Score:
    """Centre a score on the train cases that have clinical values; outcomes are not looked at.

    Raises
    ------
    OutcomeError
        A column that the score reads is not there.
    """
    modality = cases.modalities[plain.modality]
    absent = sorted(title for title in plain.columns.values() if title not in modality.columns)
    if absent:
        raise OutcomeError(
            f"model {model} on {modality.name}",
            expected=f"columns among: {', '.join(modality.columns)}",
            got=", ".join(absent),
            remedy="Correct the names under risk_scores in cohort.yaml, or in the options of this arm.",
        )
    middle = plain.points(modality).middle
    return replace(plain, mean=float(middle.mean()) if len(middle) else 0.0)
