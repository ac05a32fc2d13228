"""When the frames of a series were taken: as the manifest says, else as the header says, else unknown.

Enters: rows of series.csv, a file of times, what a header tells. Leaves: seconds, one a frame, increasing, or
NaN for all; or a refusal. A time in another unit gives steps that no scanner has: it is refused, not guessed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from extract.volumes.time.settings import Kind
from feature_cache.errors import SourceError

#: Key of a file of times -> how many seconds one of its units is.
UNITS = {"time_s": 1.0, "trigger_time_s": 1.0, "time_ms": 1e-3, "trigger_time_ms": 1e-3}
#: Seconds from one frame to the next that a scanner can have: a cine 1 to 1,000 ms, DCE .1 s to 10 minutes.
STEPS_S: dict[Kind, tuple[float, float]] = {"heart": (0.001, 1.0), "contrast": (0.1, 600.0)}
_MOST_BYTES = 2**20
#: The manifest's times and the header's step may differ by this share of a step without a word.
_SAME_STEP = 0.05

Times = Float64[np.ndarray[Any, Any], " time"]


@dataclass(frozen=True, kw_only=True)
class FrameTimes:
    """`time_s` of each frame, NaN for all where unknown; `source` says who told; `warnings` what is odd."""

    time_s: Times
    source: str
    warnings: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """Whether there are times."""
        return bool(np.isfinite(self.time_s).all())


def frame_times(
    told: Sequence[float] | None, header: tuple[Sequence[float] | None, str | None], frames: int
) -> FrameTimes:
    """Return the manifest's times, else the header's (with the field that tells), else NaN."""
    by_header, field = header
    if told is None and by_header is None:
        odd = ("the times of its frames are unknown: nothing in seconds",)
        return FrameTimes(time_s=np.full(frames, np.nan), source="unknown", warnings=odd)
    if told is None or by_header is None:
        source = "series.csv" if by_header is None else f"header ({field})"
        return FrameTimes(time_s=np.array(told or by_header, dtype=np.float64), source=source)
    of_manifest, of_header = np.array(told, dtype=np.float64), np.array(by_header, dtype=np.float64)
    warnings: tuple[str, ...] = ()
    if len(of_manifest) == len(of_header) > 1:
        step, other = float(np.median(np.diff(of_manifest))), float(np.median(np.diff(of_header)))
        if not abs(step - other) <= _SAME_STEP * other:
            apart = f"{step:.4g} s apart, the header ({field}) {other:.4g} s"
            warnings = (f"series.csv has frames {apart}; the first counts",)
    return FrameTimes(time_s=of_manifest, source="series.csv", warnings=warnings)


def read_times(path: Path, where: str) -> tuple[float, ...]:
    """Read a file of times: JSON with one list, named by its unit (`UNITS`).

    Raises
    ------
    SourceError
        Another form, or something that is no finite number.
    """
    expected = f"JSON with one list of numbers, called {' or '.join(UNITS)}"
    remedy = "Mend the file that times_path of series.csv names."
    if path.stat().st_size > _MOST_BYTES:
        raise SourceError(where, expected=expected, got=f"more than {_MOST_BYTES:,} bytes", remedy=remedy)
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise SourceError(where, expected=expected, got="no JSON", remedy=remedy) from error
    names = [name for name in UNITS if isinstance(document, dict) and name in document]
    if len(names) != 1 or not isinstance(document[names[0]], list):
        raise SourceError(where, expected=expected, got="another form", remedy=remedy)
    listed = document[names[0]]
    if any(isinstance(one, bool) or not isinstance(one, int | float) for one in listed):
        raise SourceError(where, expected=expected, got="something that is no number in it", remedy=remedy)
    try:
        return tuple(round(float(one) * UNITS[names[0]], 9) for one in listed)
    except (OverflowError, ValueError) as error:  # whole numbers that no float holds
        raise SourceError(where, expected=expected, got="a number out of range", remedy=remedy) from error


def refuse_times(times: FrameTimes, frames: int, kind: Kind, where: str) -> None:
    """Raise `SourceError` for times that are not one a frame, increasing, and of a scanner's steps.

    Of a contrast agent nothing can be said without times: unknown ones are refused; a beat of a heart can be
    looked at without.
    """
    remedy = "Mend time_s or times_path in series.csv, or the header; times are in seconds."
    expected = f"a time for each of {frames} frames"
    if len(times.time_s) != frames:
        raise SourceError(
            where, expected=expected, got=f"{len(times.time_s)} ({times.source})", remedy=remedy
        )
    if times.source == "unknown":
        if kind == "contrast":
            remedy = "Give series.csv times_path (JSON with a list time_s), or time_s of each frame."
            raise SourceError(where, expected=expected, got="none in header or series.csv", remedy=remedy)
        return
    if not times.known:
        got = f"times that are not finite ({times.source})"
        raise SourceError(where, expected=expected, got=got, remedy=remedy)
    with np.errstate(over="ignore"):  # a step of infinity is refused below
        steps = np.diff(times.time_s)
    low, high = STEPS_S[kind]
    if steps.min() <= 0:
        got = f"{int((steps <= 0).sum())} that do not go forward ({times.source})"
        raise SourceError(where, expected="times that increase from frame to frame", got=got, remedy=remedy)
    if steps.min() < low or steps.max() > high:
        got = f"frames {steps.min():.4g} to {steps.max():.4g} s apart ({times.source})"
        expected = f"frames {low:g} to {high:g} s apart"
        raise SourceError(where, expected=expected, got=got, remedy=remedy)
