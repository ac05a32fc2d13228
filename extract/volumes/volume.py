"""A volume as read, and a series as an encoder sees it: voxels (x, y, z) and where they lie in RAS mm.

Enters: nothing. Leaves: the two values that the volumes' room passes on. Where the spacing is not known
(M-PRTM's 1 x 1 x 1, slices kept as arrays) the affine counts in voxels: nothing in mm may come of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Shaped


@dataclass(frozen=True, kw_only=True)
class Volume:
    """One series or mask as read, stored values already scaled.

    `affine` takes a voxel index (x, y, z) to the centre of that voxel in RAS mm; with `spacing_known` false
    its steps are placeholders. `placed` is false where the file does not say where in the patient the volume
    lies: it can then not be laid on another grid. `warnings` say what was odd about the file.
    """

    voxels: Shaped[np.ndarray[Any, Any], "x y z"]
    affine: Float[np.ndarray[Any, Any], "4 4"]
    spacing_known: bool
    placed: bool = True
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SeriesOnGrid:
    """One series on the grid of its study, cropped. NaN = outside its field of view, never 0.

    ADC is in 1e-6 mm2/s; other sequences have the scanner's units. All series of a study have one affine;
    `window` is None for values as read; prepared ones (intensity.py) have the window that shows them well.
    `is_reference` marks the one whose grid it is, in whose rows the shape of a region is told (once a study).
    """

    sequence: str
    voxels: Float32[np.ndarray[Any, Any], "x y z"]
    affine: Float[np.ndarray[Any, Any], "4 4"]
    spacing_known: bool
    is_reference: bool = True
    window: tuple[float, float] | None = None

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distance of neighbouring voxel centres along x, y, z: mm, or 1 each where it is not known."""
        x, y, z = (float(step) for step in np.linalg.norm(self.affine[:3, :3], axis=0))
        return x, y, z
