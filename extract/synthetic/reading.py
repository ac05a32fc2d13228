"""What a perfect reader of one modality would find in a case, and the case that carries four such readings.

Enters: what a modality's file drew. Leaves: `Reading`, the only thing that outcomes.py and truth.py know of
a modality, so that both layouts plant their risk in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

MODALITIES = ("slides", "volumes", "notes", "clinical")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One modality of one case.

    Parameters
    ----------
    z
        What the risk is made of: mean 0, sd 1 over the population (not over the cohort).
    measurements
        The realised numbers that `z` is computed from; None where the files do not show one.
    latents
        What was drawn before noise, chance and rounding.
    """

    z: float
    measurements: tuple[float | None, ...]
    latents: dict[str, float]

    def unread(self) -> Reading:
        """Return the reading of a modality whose files are absent: the disease is there, nobody saw it."""
        return Reading(z=self.z, measurements=(None,) * len(self.measurements), latents=self.latents)


class PlantedCase(Protocol):
    """One case of either layout before its outcome is drawn."""

    @property
    def case_id(self) -> str:
        """The pseudonym, a string."""

    @property
    def readings(self) -> Mapping[str, Reading]:
        """One reading a modality; `unread` where the modality is missing."""

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the modalities without files."""
