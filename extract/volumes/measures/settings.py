"""The sub-block `measures` of a recipe's `volumes` block: which organ, which names, how wide a ring.

Enters: the sub-block as a user writes it. Leaves: frozen settings, hashed only where they are given.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from extract.volumes.optional_block import OptionalBlock
from extract.volumes.region_names import Meaning

Organ = Literal["prostate", "heart"]


class Measures(OptionalBlock):
    """Derived regions and case-level measures.

    `organ` decides which measures there are: all entries of a feature set have the same. `regions` says which
    names of masks.csv stand for a meaning, where they are not those of `region_names.NAMES`. `ring_mm` is the
    width of the ring around lesion and gland.
    """

    algorithms: ClassVar[dict[str, int]] = {"measures": 2, "derived_regions": 1}

    organ: Organ
    regions: dict[Meaning, tuple[str, ...]] = Field(default_factory=dict)
    ring_mm: float = Field(default=5.0, ge=0.5, le=50)
