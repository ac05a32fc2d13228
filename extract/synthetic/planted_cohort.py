"""A cohort whose risks and outcomes are known before a file is written: tables only, 2,000 cases in seconds.

Enters: the drawn cases of one layout and its design (endpoint, follow-up, weights that the seed may shuffle).
Leaves: `PlantedCohort`. Size and limits of the signal can be tuned and tested here without painting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

import numpy as np
from jaxtyping import Float

from extract.synthetic.outcomes import FollowUp, Outcomes, draw_outcomes, draw_weights
from extract.synthetic.reading import MODALITIES, PlantedCase

LayoutName = Literal["chimera", "mprtm"]
CaseT = TypeVar("CaseT", bound=PlantedCase)


@dataclass(frozen=True, kw_only=True)
class Design:
    """What one layout plants: the endpoint (of the shipped card) and its column, and who carries risk."""

    layout: LayoutName
    endpoint: str
    endpoint_column: str
    time_unit: Literal["months", "days"]
    follow_up: FollowUp
    shuffled: tuple[str, ...]
    fixed: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PlantedCohort(Generic[CaseT]):
    """Cases in order, their true log relative hazard and their outcome."""

    design: Design
    seed: int
    cases: tuple[CaseT, ...]
    weights: dict[str, float]
    risk: Float[np.ndarray, " case"]
    outcomes: Outcomes

    def standardised(self, modality: str) -> Float[np.ndarray, " case"]:
        """Return the modality's standardised reading of every case."""
        return np.array([case.readings[modality].z for case in self.cases])


def plant(design: Design, cases: Sequence[CaseT], seed: int) -> PlantedCohort[CaseT]:
    """Weigh the readings, sum them to a risk and draw outcomes on it."""
    drawn = draw_weights(design.shuffled, design.fixed, seed)
    weights = {name: drawn[name] for name in MODALITIES if name in drawn}
    z = {name: np.array([case.readings[name].z for case in cases]) for name in weights}
    return PlantedCohort(
        design=design,
        seed=seed,
        cases=tuple(cases),
        weights=weights,
        risk=np.sum([weight * z[name] for name, weight in weights.items()], axis=0),
        outcomes=draw_outcomes(z, weights, design.follow_up, seed),
    )
