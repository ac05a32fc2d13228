"""End diastole and end systole of a cine: where the left ventricle is largest and smallest.

Enters: the volume of the cavity in the frames that have a mask, or the frames themselves. Leaves: two frames
and how they were found. Without a mask the images decide, and no label is looked at: blood is bright in a
cine, and what moves with the beat grows dark as muscle takes the place of blood. The first principal
component over the voxels that move most, counted positive where they are bright, is largest at end diastole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Float32, Float64

#: Voxels count as moving that vary by this share of what the one that varies most does; harmonics of a beat
#: that a curve keeps.
_MOVING = 0.25
_HARMONICS = 6
#: Fewer frames than that are taken as they are: nothing is left to smooth.
_SMOOTHED_FROM = 2 * _HARMONICS + 2
#: In-plane smoothing (voxels) before motion is looked for: noise does not beat.
_SIGMA = 1.5


@dataclass(frozen=True, kw_only=True)
class Phases:
    """Frames (from 0) of one beat; `curve` is what was largest and smallest, NaN where it is not known."""

    end_diastole: int
    end_systole: int
    found_by: Literal["volume of the left ventricle", "images"]
    curve: Float64[np.ndarray[Any, Any], " time"]


def phases_of_volumes(volumes: Float[np.ndarray[Any, Any], " time"]) -> Phases | None:
    """Return the frames of the largest and the smallest cavity; None unless two frames differ.

    Parameters
    ----------
    volumes
        In any unit; NaN for frames without a mask.
    """
    curve = np.asarray(volumes, dtype=np.float64)
    if np.isfinite(curve).sum() < 2 or np.nanmax(curve) == np.nanmin(curve):
        return None
    return Phases(
        end_diastole=int(np.nanargmax(curve)),
        end_systole=int(np.nanargmin(curve)),
        found_by="volume of the left ventricle",
        curve=curve,
    )


def phases_of_images(frames: Float32[np.ndarray[Any, Any], "time x y z"]) -> Phases | None:
    """Return the frames of most and least blood in what moves; None where nothing moves.

    Parameters
    ----------
    frames
        NaN outside the field of view: such voxels are left out. The beat may start anywhere.
    """
    moving = _moving_voxels(frames)
    if moving is None:
        return None
    values = moving - moving.mean(axis=0)
    left, strength, loads = np.linalg.svd(values, full_matrices=False)
    if strength[0] == 0:
        return None
    curve = left[:, 0] * strength[0] * (1.0 if loads[0].sum() >= 0 else -1.0)
    smooth = _few_harmonics(curve)
    return Phases(
        end_diastole=int(smooth.argmax()), end_systole=int(smooth.argmin()), found_by="images", curve=curve
    )


def _moving_voxels(
    frames: Float32[np.ndarray[Any, Any], "time x y z"],
) -> Float64[np.ndarray[Any, Any], "time voxel"] | None:
    """Return the courses of the voxels that vary most over time."""
    from scipy import ndimage

    seen = np.isfinite(frames).all(axis=0)
    if not seen.any():
        return None
    smooth = np.stack(
        [ndimage.gaussian_filter(np.where(seen, frame, 0), (_SIGMA, _SIGMA, 0)) for frame in frames]
    )
    spread = np.where(seen, smooth.std(axis=0), 0)
    if not spread.max() > 0:
        return None
    chosen = seen & (spread >= _MOVING * spread.max())
    return smooth[:, chosen].astype(np.float64)


def _few_harmonics(curve: Float64[np.ndarray[Any, Any], " time"]) -> Float64[np.ndarray[Any, Any], " time"]:
    """Return the curve of one beat without its higher harmonics."""
    if len(curve) < _SMOOTHED_FROM:
        return curve
    waves = np.fft.rfft(curve)
    waves[_HARMONICS + 1 :] = 0
    smooth: Float64[np.ndarray[Any, Any], " time"] = np.fft.irfft(waves, n=len(curve))
    return smooth
