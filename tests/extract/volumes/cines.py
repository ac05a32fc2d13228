"""Hearts and contrast agents with a known answer, for tests: cines and DCE as arrays, files and rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32

SIZE = (40, 36, 4)
CENTRE = (20.0, 17.0)


def cavity_share(frames: int, start: int = 0) -> Float[np.ndarray, " time"]:
    """What is left of the largest cavity: least at 0.38 of a beat that begins at frame `start`."""
    phase = ((np.arange(frames) - start) % frames) / frames
    falling = 0.5 * (1 + np.cos(np.pi * phase / 0.38))
    rising = 0.5 * (1 - np.cos(np.pi * (phase - 0.38) / 0.62))
    return np.where(phase < 0.38, falling, rising)


def cavity(radius: float) -> Bool[np.ndarray, "x y z"]:
    x, y, _ = np.meshgrid(*map(np.arange, SIZE), indexing="ij")
    return np.asarray(np.hypot(x - CENTRE[0], y - CENTRE[1]) <= radius)


def cine(frames: int, start: int = 0, least: float = 5.0, noise: float = 8.0) -> tuple[Any, list[Any]]:
    """Return (x, y, z, time) voxels and the mask of each frame: blood `least` to 9 voxels wide in muscle."""
    generator = np.random.default_rng(frames)
    masks = [cavity(least + (9 - least) * share) for share in cavity_share(frames, start)]
    muscle = cavity(12)
    voxels = [np.where(mask, 300.0, np.where(muscle, 90.0, 40.0)) for mask in masks]
    noisy: Float32[np.ndarray, "x y z time"] = np.stack(
        [frame + generator.normal(0, noise, SIZE) for frame in voxels], axis=-1
    ).astype(np.float32)
    return noisy, masks


def uptake(time_s: np.ndarray[Any, Any], onset_s: float, height: float = 1.5) -> Float[np.ndarray, " time"]:
    """Relative enhancement that rises from `onset_s` on with a time constant of 20 s."""
    since = np.maximum(time_s - onset_s, 0)
    return np.asarray(height * (1 - np.exp(-since / 20)))
