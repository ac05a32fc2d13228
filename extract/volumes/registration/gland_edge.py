"""Whether the diffusion series have an edge where the gland's edge was drawn on T2W.

Enters: the gland's mask, the diffusion series, a transform. Leaves: how far apart just inside and just
outside of the edge are in ADC and high b together, in standard deviations (Mahalanobis), how often a
gland laid elsewhere does worse, and whether one place of the gland beats another by more than its own noise.
No intensity of T2W is used: another witness than the information that was optimised. A gland is nearly a
ball: its edge says where it is, and hardly how it is turned.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from extract.volumes.geometry import VoxelGrid
from extract.volumes.registration.rigid import Matrix, Places
from extract.volumes.registration.sampling import Image, places_in, signed_distance_mm

#: Width of the shells inside and outside of the edge, and how far a gland laid elsewhere is away.
SHELL_MM, ELSEWHERE_MM = 4.0, 6.0
_STEP_MM = 1.8
#: Fewer places in a shell say nothing of its spread.
_FEWEST = 50
#: Parts of the edge that are left out one by one: angles in the slices' plane, thirds along their normal.
_ANGLES, _LEVELS = 8, 3
_SECTORS = _ANGLES * _LEVELS
_NONE = -1
Sectors = Int[np.ndarray[Any, Any], " place"]


@dataclass(frozen=True, kw_only=True)
class GlandEdge:
    """Places just inside and just outside of a gland's edge, in RAS mm of the fixed series.

    `inner_sectors` and `outer_sectors` are the parts of the edge, 0 to 23, that they belong to.
    """

    inner: Places
    outer: Places
    inner_sectors: Sectors
    outer_sectors: Sectors

    def separation(self, moving: Sequence[Image], matrix: Matrix) -> float:
        """Return the Mahalanobis distance of the means inside and outside; 0 where too little is covered."""
        inside, outside = (_values(moving, places, matrix) for places in (self.inner, self.outer))
        return _separation(inside[_covered(inside)], outside[_covered(outside)])

    def gain(self, moving: Sequence[Image], matrix: Matrix, other: Matrix) -> tuple[float, float]:
        """Return how much better `matrix` separates than `other`, and the standard error of that.

        By the jackknife (Tukey, 1958) over the parts of the edge, at the places that both see. Neighbours on
        an edge are not independent, parts of it nearly are.
        """
        inside, outside = (
            [_values(moving, places, one) for one in (matrix, other)] for places in (self.inner, self.outer)
        )
        seen = [np.all([_covered(values) for values in pair], axis=0) for pair in (inside, outside)]

        def better(left_out: int) -> float:
            own, around = (
                seen[0] & (self.inner_sectors != left_out),
                seen[1] & (self.outer_sectors != left_out),
            )
            first, second = (_separation(inside[k][own], outside[k][around]) for k in (0, 1))
            return first - second

        left = np.array([better(sector) for sector in range(_SECTORS)])
        error = float(np.sqrt((_SECTORS - 1) / _SECTORS * ((left - left.mean()) ** 2).sum()))
        return better(_NONE), error

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
    inner = places_in((distance <= 0) & (distance > -SHELL_MM), grid, _STEP_MM)
    outer = places_in((distance > 0) & (distance < SHELL_MM), grid, _STEP_MM)
    centre = grid.centres(np.argwhere(mask).mean(axis=0, keepdims=True))[0]
    return GlandEdge(
        inner=inner,
        outer=outer,
        inner_sectors=_sectors(inner, centre, grid),
        outer_sectors=_sectors(outer, centre, grid),
    )


def _sectors(places: Places, centre: Float[np.ndarray[Any, Any], " 3"], grid: VoxelGrid) -> Sectors:
    x, y, z = ((places - centre) @ grid.directions).T
    angle = np.clip((np.arctan2(y, x) / (2 * np.pi) + 0.5) * _ANGLES, 0, _ANGLES - 1).astype(np.int64)
    level = np.argsort(np.argsort(z, kind="stable"), kind="stable") * _LEVELS // max(1, len(z))
    sectors: Sectors = angle * _LEVELS + level
    return sectors


def _values(
    moving: Sequence[Image], places: Places, matrix: Matrix
) -> Float[np.ndarray[Any, Any], "place series"]:
    return np.stack([image.at(places, matrix) for image in moving], axis=1)


def _covered(values: Float[np.ndarray[Any, Any], "place series"]) -> Bool[np.ndarray[Any, Any], " place"]:
    seen: Bool[np.ndarray[Any, Any], " place"] = np.isfinite(values).all(axis=1)
    return seen


def _separation(
    inside: Float[np.ndarray[Any, Any], "inner series"], outside: Float[np.ndarray[Any, Any], "outer series"]
) -> float:
    if min(len(inside), len(outside)) < _FEWEST:
        return 0.0
    apart = inside.mean(axis=0) - outside.mean(axis=0)
    spread = (np.atleast_2d(np.cov(inside.T)) + np.atleast_2d(np.cov(outside.T))) / 2
    least = 1e-9 * max(float(np.trace(spread)), 1e-12)
    return float(np.sqrt(apart @ np.linalg.solve(spread + least * np.eye(len(spread)), apart)))
