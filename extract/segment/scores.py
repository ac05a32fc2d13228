"""How well a mask fits the one that was drawn, structure by structure, for one case.

Enters: labels predicted and drawn on one grid, and its spacing where that is known. Leaves: overlap, surface
distance and volume error of each structure. Nothing is invented for masks that are empty: where neither has a
structure nothing applies, and where one has it the overlap is 0 and there is no distance. (Published scripts
score some of these as a Dice of 1 or a distance of 0, which rewards a network for saying nothing.)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Integer

from extract.segment.surface_distance import hausdorff_95

Labels = Integer[np.ndarray[Any, Any], "x y z"]
Mask = Bool[np.ndarray[Any, Any], "x y z"]
Spacing = tuple[float, float, float]

#: Which of the two masks has the structure: both, only the drawn one, only the predicted one, none.
Presence = Literal["found", "missed", "invented", "absent"]


@dataclass(frozen=True, kw_only=True)
class StructureScore:
    """One structure of one case. None = not defined, never 0 or 1.

    `dice`: None where the structure is absent from both masks, 0 where it is in one. `hd95_mm` where it is
    in both and the spacing is known, `hd95_voxels` where it is not known (steps counted as 1 along each
    axis); never both. `volume_error_ml` is predicted less drawn, signed, where the spacing is known;
    `volume_error_voxels` always; `volume_error_relative` divides it by the drawn volume, None where none is
    drawn.
    """

    structure: str
    presence: Presence
    dice: float | None
    hd95_mm: float | None
    hd95_voxels: float | None
    volume_error_ml: float | None
    volume_error_voxels: int
    volume_error_relative: float | None
    drawn_voxels: int
    predicted_voxels: int


def score_case(
    predicted: Labels,
    drawn: Labels,
    structures: Mapping[int, str],
    spacing_mm: Spacing | None,
    counted: Mask | None = None,
) -> list[StructureScore]:
    """Score every structure of a case.

    Parameters
    ----------
    predicted, drawn
        Labels on one grid.
    structures
        Label -> name of the structure; background is not among them.
    spacing_mm
        Distance of voxel centres along x, y, z; None where it is not known.
    counted
        Voxels that are looked at (None: all). Others belong to no structure in either mask.

    Returns
    -------
    list[StructureScore]
        In the order of `structures`.

    Raises
    ------
    ValueError
        The two lie on grids of other sizes.
    """
    if predicted.shape != drawn.shape:
        raise ValueError(f"labels of {predicted.shape} predicted for {drawn.shape}")
    looked_at = np.ones(drawn.shape, dtype=bool) if counted is None else counted
    return [
        score_structure(name, (predicted == label) & looked_at, (drawn == label) & looked_at, spacing_mm)
        for label, name in structures.items()
    ]


def score_structure(name: str, predicted: Mask, drawn: Mask, spacing_mm: Spacing | None) -> StructureScore:
    """Score one structure: two masks of one shape."""
    n_predicted, n_drawn = int(predicted.sum()), int(drawn.sum())
    overlap = int((predicted & drawn).sum())
    distance = None
    if n_predicted and n_drawn:
        distance = hausdorff_95(predicted, drawn, spacing_mm or (1.0, 1.0, 1.0))
    error = n_predicted - n_drawn
    return StructureScore(
        structure=name,
        presence=presence(bool(n_predicted), bool(n_drawn)),
        dice=2 * overlap / (n_predicted + n_drawn) if n_predicted or n_drawn else None,
        hd95_mm=None if spacing_mm is None else distance,
        hd95_voxels=distance if spacing_mm is None else None,
        volume_error_ml=None if spacing_mm is None else error * math.prod(spacing_mm) / 1000,
        volume_error_voxels=error,
        volume_error_relative=error / n_drawn if n_drawn else None,
        drawn_voxels=n_drawn,
        predicted_voxels=n_predicted,
    )


def presence(predicted: bool, drawn: bool) -> Presence:
    """Return in which of two masks a structure is.

    Examples
    --------
    >>> presence(predicted=False, drawn=True)
    'missed'
    """
    if drawn:
        return "found" if predicted else "missed"
    return "invented" if predicted else "absent"
