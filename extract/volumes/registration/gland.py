"""The whole gland of a study: as drawn, or the zones together.

Enters: regions on the study's grid and the series that each was drawn on. Leaves: the gland that guides a
registration, or None. What counts as a gland is for region_names.py to say.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool

from extract.volumes.geometry import VoxelGrid
from extract.volumes.region_names import Meaning, names_of_gland
from extract.volumes.regions import Regions


@dataclass(frozen=True, kw_only=True)
class Gland:
    """The whole gland on a grid; `names` are its masks, `drawn_on` the series whose voxels they have."""

    mask: Bool[np.ndarray[Any, Any], "x y z"]
    grid: VoxelGrid
    drawn_on: tuple[str, ...]
    names: tuple[str, ...]


def find_gland(
    regions: Regions, grid: VoxelGrid, said: Mapping[Meaning, Collection[str]], where: str
) -> Gland | None:
    """Return the gland of a study; None where neither it nor both zones were drawn.

    Raises
    ------
    SourceError
        Two regions could be the gland, and `said` (the recipe) does not tell which is meant.
    """
    names = names_of_gland(list(regions.masks), said, where)
    if not names:
        return None
    return Gland(
        mask=np.any([regions.masks[name] for name in names], axis=0),
        grid=grid,
        drawn_on=tuple(dict.fromkeys(regions.drawn_on[name] for name in names)),
        names=names,
    )
