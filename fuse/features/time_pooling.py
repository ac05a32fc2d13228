"""What a series says over time, as numbers that do not depend on how many frames it has.

Enters: one row of features a frame, the time of each frame and, where somebody named them, the frames of end
diastole and end systole. Leaves: a row of features for each way of pooling, NaN where it cannot be told.
Nothing is fitted and no frame is made up.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

#: Ways of pooling, in the order of their columns. `range` is highest - lowest; `harmonic_k` the amplitude of
#: the k-th harmonic of the series' period; the last three are the named frames and their difference.
POOLS = (
    "mean",
    "sd",
    "range",
    "harmonic_1",
    "harmonic_2",
    "end_diastole",
    "end_systole",
    "systole_minus_diastole",
)
HARMONICS = 2

#: Fewer frames than that do not tell a constant and two harmonics apart.
MIN_FRAMES = 2 * HARMONICS + 2


def pool_frames(
    frames: Float[np.ndarray, "time feature"],
    time_s: Float[np.ndarray, " time"],
    named: Mapping[str, float],
) -> Float[np.ndarray, "pool feature"]:
    """Pool the frames of one series.

    Parameters
    ----------
    frames
        NaN where a feature was not measured in a frame.
    time_s
        Seconds, increasing, from any start; or numbers of frames where seconds are not known: no pool depends
        on the unit, but the frames are then taken to be evenly apart.
    named
        `end_diastole` and `end_systole`: indices of frames; `period_s`: how long a cycle takes. Without it
        the frames are taken to cover one, as those of a gated cine do.

    Returns
    -------
    ndarray
        float64, rows as `POOLS`. Mean, sd and range are over the frames that have the feature; a
        harmonic wants them all.
    """
    values = np.asarray(frames, dtype=np.float64)
    seen = ~np.isnan(values)
    count = seen.sum(axis=0)
    mean = np.where(count > 0, np.where(seen, values, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)
    squares = np.where(seen, (values - mean) ** 2, 0.0).sum(axis=0)
    highest = np.where(seen, values, -np.inf).max(axis=0, initial=-np.inf)
    lowest = np.where(seen, values, np.inf).min(axis=0, initial=np.inf)
    # of one frame nothing moves, but nobody saw that it does not
    moved = count > 1
    nothing = np.full(values.shape[1], np.nan)
    marked = [
        values[int(named[mark])] if mark in named else nothing for mark in ("end_diastole", "end_systole")
    ]
    return np.stack(
        [
            mean,
            np.where(moved, np.sqrt(squares / np.maximum(count, 1)), np.nan),
            np.where(moved, np.subtract(highest, lowest, where=moved, out=nothing.copy()), np.nan),
            *_amplitudes(values, time_s, named.get("period_s")),
            *marked,
            marked[1] - marked[0],
        ]
    )


def _amplitudes(
    values: Float[np.ndarray, "time feature"], time_s: Float[np.ndarray, " time"], period_s: float | None
) -> Float[np.ndarray, "harmonic feature"]:
    """Return the amplitudes of the first harmonics by least squares: frames need not be evenly spaced."""
    if len(values) < MIN_FRAMES:
        return np.full((HARMONICS, values.shape[1]), np.nan)
    since = np.asarray(time_s, dtype=np.float64) - time_s[0]
    period = period_s or since[-1] * len(since) / (len(since) - 1)
    angle = 2 * np.pi * np.outer(since / period, np.arange(1, HARMONICS + 1))
    waves = np.concatenate([np.ones((len(since), 1)), np.cos(angle), np.sin(angle)], axis=1)
    complete = ~np.isnan(values).any(axis=0)
    found = np.linalg.lstsq(waves, np.where(complete, values, 0.0), rcond=None)[0]
    amplitude = np.hypot(found[1 : 1 + HARMONICS], found[1 + HARMONICS :])
    return np.where(complete, amplitude, np.nan)
