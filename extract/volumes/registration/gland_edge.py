"""Whether the diffusion series have an edge where the gland's edge was drawn on T2W.

Enters: the gland's mask, the diffusion series, a transform. Leaves: how far apart just inside and just
outside of the edge are in ADC and high b together, in standard deviations (Mahalanobis), and how often a
gland laid elsewhere does worse. No intensity of T2W is used: another witness than the information that
was optimised.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from extract.volumes.geometry import VoxelGrid
from extract.volumes.registration.rigid import Matrix, Places
from extract.volumes.registration.sampling import Image, places_in, signed_distance_mm

#: Width of the shells inside and outside of the edge, and how far a gland laid elsewhere is away.
SHELL_MM, ELSEWHERE_MM = 4.0, 6.0
_STEP_MM = 1.8
#: Fewer places in a shell say nothing of its spread.
_FEWEST = 50


@dataclass(frozen=True, kw_only=True)
class GlandEdge:
    """Places just inside and just outside of a gland's edge, in RAS mm of the fixed series."""

    inner: Places
    outer: Places

    def separation(self, moving: Sequence[Image], matrix: Matrix) -> float:
        """Return the Mahalanobis distance of the means inside and outside; 0 where too little is covered."""
        inside, outside = (_values(moving, places, matrix) for places in (self.inner, self.outer))
        if min(len(inside), len(outside)) < _FEWEST:
            return 0.0
        apart = inside.mean(axis=0) - outside.mean(axis=0)
        spread = (np.atleast_2d(np.cov(inside.T)) + np.atleast_2d(np.cov(outside.T))) / 2
        least = 1e-9 * max(float(np.trace(spread)), 1e-12)
        return float(np.sqrt(apart @ np.linalg.solve(spread + least * np.eye(len(spread)), apart)))

    def share_worse(self, moving: Sequence[Image], matrix: Matrix) -> float:
        """Return the share of 26 glands, 6 mm away in all directions, that are separated less."""
        own = self.separation(moving, matrix)
        worse = []
        for direction in itertools.product((-1.0, 0.0, 1.0), repeat=3):
            length = float(np.linalg.norm(direction))
            if length == 0:
                continue
            elsewhere = np.eye(4)
            elsewhere[:3, 3] = np.array(direction) * ELSEWHERE_MM / length
            worse.append(self.separation(moving, matrix @ elsewhere) < own)
        return float(np.mean(worse))


def gland_edge(mask: Bool[np.ndarray[Any, Any], "x y z"], grid: VoxelGrid) -> GlandEdge:
    """Return the two shells of a gland."""
    distance = signed_distance_mm(mask, grid)
    return GlandEdge(
        inner=places_in((distance <= 0) & (distance > -SHELL_MM), grid, _STEP_MM),
        outer=places_in((distance > 0) & (distance < SHELL_MM), grid, _STEP_MM),
    )


def _values(
    moving: Sequence[Image], places: Places, matrix: Matrix
) -> Float[np.ndarray[Any, Any], "place series"]:
    values: Float[np.ndarray[Any, Any], "place series"] = np.stack(
        [image.at(places, matrix) for image in moving], axis=1
    )
    covered: Float[np.ndarray[Any, Any], "place series"] = values[np.isfinite(values).all(axis=1)]
    return covered
