"""What a contrast agent does in a region: relative enhancement, its onset, and the area of the first minute.

Enters: the mean signal of a region in each frame, and the times. Leaves: measures. Nothing pharmacokinetic:
Ktrans would need T1 before the agent, which these series do not have. Signal is not concentration either, so
values compare between scanners only as far as protocols do.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float64

from extract.volumes.measures.measured import Measure, not_applicable, observed, unknown

ENHANCEMENT = (
    "onset_s",
    "relative_enhancement",
    "time_to_peak_s",
    "wash_in_per_s",
    "initial_area_60s_s",
)
_AREA_S = 60.0
#: Enhancement is there where the peak is above the frames before it by so many standard deviations of noise.
_SURE = 5.0
#: Standard deviation of normal noise in medians of its absolute second differences.
_OF_MEDIAN = 1 / (0.6745 * np.sqrt(6))
#: A level may rise by this share of the rise after it; more, and contrast was there before the first frame.
_LEVEL = 0.25
#: Frames before the onset that a baseline needs: of a single one nothing tells how much it varies.
_MIN_BASELINE = 2

Curve = Float64[np.ndarray[Any, Any], " time"]


def find_onset(signal: Curve, time_s: Curve) -> int | None:
    """Return the last frame before a curve rises (from 0); None where it does not, or rises from the start.

    A level and a straight rise from it are fitted by least squares to the frames until the curve is half way
    up, the bend being any of them (the linear-linear model of Cheong et al. 2003, Phys Med Biol 48:N83, whose
    rise ends at the peak of a first pass; tissue has none). The frames up to the bend are the baseline.
    """
    half = (float(signal.min()) + float(signal.max())) / 2
    top = int((signal >= half).argmax())
    if top < _MIN_BASELINE:
        return None
    errors, slopes = [], []
    for bend in range(_MIN_BASELINE - 1, top):
        level = float(signal[: bend + 1].mean())
        since, above = time_s[bend : top + 1] - time_s[bend], signal[bend : top + 1] - level
        slope = float(since @ above / (since @ since))
        off_line = (above - slope * since)[1:]
        slopes.append(slope)
        errors.append(float(((signal[: bend + 1] - level) ** 2).sum() + (off_line**2).sum()))
    best = int(np.argmin(errors))
    bend = _MIN_BASELINE - 1 + best
    before = signal[: bend + 1]
    rise = float(signal.max() - before.mean())
    since = time_s[: bend + 1] - time_s[: bend + 1].mean()
    already = float(since @ before / (since @ since)) > _LEVEL * slopes[best]
    noise = max(float(before.std(ddof=1)), _noise(signal))
    return None if already or not rise > max(0.0, _SURE * noise) else bend


def _noise(signal: Curve) -> float:
    """Return the standard deviation of noise: second differences know no slope, and their median no bend."""
    if len(signal) < _MIN_BASELINE + 1:
        return 0.0
    return float(_OF_MEDIAN * np.median(np.abs(np.diff(signal, 2))))


def enhancement(signal: Curve, time_s: Curve) -> dict[str, Measure]:
    """Return the measures named in `ENHANCEMENT` of one region.

    Onset (s after the first frame: the time of the last frame before the rise), largest relative enhancement
    (S - S0) / S0, time from onset to it (s), steepest rise between two frames (1/s), and the area under the
    relative enhancement in the 60 s after the onset, by trapezoids (s). S0 is the mean of the frames up to
    the onset.

    Parameters
    ----------
    signal
        (time,) mean of the region's voxels, NaN where none was measured.
    time_s
        (time,) seconds, increasing.
    """
    if not np.isfinite(signal).all():
        return dict.fromkeys(ENHANCEMENT, unknown("outside the field of view in a frame"))
    onset = find_onset(signal, time_s)
    if onset is None:
        return dict.fromkeys(ENHANCEMENT, not_applicable("no rise above the frames before contrast"))
    base = float(signal[: onset + 1].mean())
    if base <= 0:
        return dict.fromkeys(ENHANCEMENT, unknown("a signal before contrast that is not above 0"))
    relative, begin_s = signal / base - 1, float(time_s[onset])
    top = int(relative.argmax())
    found = {
        "onset_s": observed(begin_s - float(time_s[0])),
        "relative_enhancement": observed(float(relative[top])),
        "time_to_peak_s": observed(float(time_s[top]) - begin_s),
        "wash_in_per_s": observed(float((np.diff(relative[onset:]) / np.diff(time_s[onset:])).max())),
    }
    end = begin_s + _AREA_S
    if time_s[-1] < end:
        return found | {"initial_area_60s_s": unknown("the series ends within 60 s of the onset")}
    at = np.concatenate([[begin_s], time_s[(time_s > begin_s) & (time_s < end)], [end]])
    return found | {"initial_area_60s_s": observed(float(np.trapezoid(np.interp(at, time_s, relative), at)))}
