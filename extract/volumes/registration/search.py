"""The rigid transform at which two sets of series say most of each other, sought from coarse to fine.

Enters: images, a gland. Leaves: a matrix, and the information before and after. Nothing is drawn at random:
the same images give the same bits. 27 starts (6 mm apart) are tried on smooth images, the best are climbed
by Powell's method, and the best of these on finer ones.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from extract.volumes.geometry import VoxelGrid
from extract.volumes.registration.information import Information
from extract.volumes.registration.rigid import Matrix, Six, rigid_matrix
from extract.volumes.registration.sampling import Image, places_in

_START_MM = 6.0
#: A turn of 2 degrees moves the edge of a gland about as far as a shift of 1 mm.
_UNITS = np.array([2.0, 2.0, 2.0, 1.0, 1.0, 1.0])


@dataclass(frozen=True, kw_only=True)
class _Level:
    """`step_mm` between places, `sigma_mm` of smoothing, Powell's tolerances and first step in mm."""

    step_mm: float
    sigma_mm: float
    tolerance_mm: float
    gain: float
    rounds: int
    stride_mm: float


_COARSE = _Level(step_mm=4.0, sigma_mm=2.5, tolerance_mm=0.2, gain=1e-4, rounds=4, stride_mm=2.0)
_MIDDLE = _Level(step_mm=3.0, sigma_mm=1.5, tolerance_mm=0.05, gain=1e-5, rounds=6, stride_mm=1.0)
_FINE = _Level(step_mm=2.2, sigma_mm=1.0, tolerance_mm=0.005, gain=1e-7, rounds=8, stride_mm=0.3)
#: Of a search that checks another to a voxel.
_CHECK = _Level(step_mm=2.6, sigma_mm=1.0, tolerance_mm=0.05, gain=1e-5, rounds=4, stride_mm=0.3)


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """The gland and what is around it, on a grid: where images are compared; `centre` is the gland's."""

    region: Bool[np.ndarray[Any, Any], "x y z"]
    grid: VoxelGrid
    centre: Float[np.ndarray[Any, Any], " 3"]


@dataclass(frozen=True, kw_only=True)
class Found:
    """`matrix` takes a place in the fixed images to the same tissue in the moving ones (RAS mm).

    `before`, `after`: information of each pair where the headers put it, and at the matrix.
    """

    matrix: Matrix
    before: tuple[float, ...]
    after: tuple[float, ...]


def find_rigid(
    fixed: Sequence[Image], moving: Sequence[Image], around: Surroundings, witness_place: int | None = None
) -> Found:
    """Seek the rigid transform.

    Parameters
    ----------
    fixed, moving
        Series of one grid each. Every pair counts alike.
    around
        Where the fixed images are looked at.
    witness_place
        For a search that only checks another to a voxel: where the jitter of its places begins, so that the
        two do not share their places. It ends sooner, by half of the work.
    """
    finest = _FINE if witness_place is None else _CHECK
    levels = {
        level: Information(
            fixed,
            moving,
            places_in(around.region, around.grid, level.step_mm, witness_place or 0),
            level.sigma_mm,
        )
        for level in (_COARSE, _MIDDLE, finest)
    }
    steps = (-_START_MM, 0.0, _START_MM)
    starts = [np.array([0.0, 0.0, 0.0, *shift]) for shift in itertools.product(steps, repeat=3)]
    coarse = levels[_COARSE]
    starts.sort(key=lambda start: -coarse.total(rigid_matrix(start, around.centre)))
    climbed = sorted((_climb(coarse, _COARSE, start, around) for start in starts[:4]), key=lambda one: one[0])
    middle = min(
        (_climb(levels[_MIDDLE], _MIDDLE, one, around) for _, one in climbed[:2]), key=lambda one: one[0]
    )
    _, best = _climb(levels[finest], finest, middle[1], around)
    matrix = rigid_matrix(best * _UNITS, around.centre)
    return Found(
        matrix=matrix,
        before=tuple(levels[finest].of_pairs(np.eye(4))),
        after=tuple(levels[finest].of_pairs(matrix)),
    )


def _climb(information: Information, level: _Level, start: Six, around: Surroundings) -> tuple[float, Six]:
    """Return the negative information that Powell's method reaches from a start, and where."""
    from scipy import optimize

    def cost(six: Six) -> float:
        return -information.total(rigid_matrix(six * _UNITS, around.centre))

    reached = optimize.minimize(
        cost,
        start,
        method="Powell",
        options={
            "xtol": level.tolerance_mm,
            "ftol": level.gain,
            "maxiter": level.rounds,
            "direc": np.eye(6) * level.stride_mm,
        },
    )
    return float(reached.fun), np.asarray(reached.x)
