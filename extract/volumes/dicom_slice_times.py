"""Frames of slices that were taken in different breath-holds: do frames of one number show one moment.

Enters: the trigger times of every frame of every slice. Leaves: one time a frame, the median over slices, and
how far the slices are apart; or a refusal. A scanner that gates afterwards stretches a beat over its frames:
from one breath-hold to the next the heart beats faster or slower, and frame 20 of one slice is the same
phase as frame 20 of another at another time. That pace is compared apart from start and course.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from extract.volumes.stored import VolumeFormatError
from feature_cache.canonical import Json

#: The pace of a slice and the median over slices may differ by this share: 60 beats a minute and 66.
MOST_PACE = 0.10
#: The first frames may be this many frames apart: beyond it the frame of the next number is nearer.
MOST_START = 0.5
#: What is left once pace and start are taken out, in frames. A frame that is lost in one slice and made up at
#: its end leaves nearly half a frame or more, wherever it was lost; rounding to a millisecond .03 of a frame.
MOST_COURSE = 0.25
#: From this pace on it is worth a look (share).
_NOTEWORTHY_PACE = 0.05
_EXPECTED = "slices whose frames of one number show one moment of the beat"


@dataclass(frozen=True, kw_only=True)
class SliceTimes:
    """`time_s` of each frame. Largest differences of a slice from all: `pace` a share, others in frames."""

    time_s: tuple[float, ...]
    pace: float
    start: float
    course: float

    @property
    def warnings(self) -> tuple[str, ...]:
        """Say where hearts beat noticeably faster in one slice."""
        if self.pace < _NOTEWORTHY_PACE:
            return ()
        return (f"its slices were taken at different heart rates (up to {self.pace:.1%} from the median)",)

    def as_json(self) -> dict[str, Json]:
        """Return what an entry keeps."""
        return {
            "pace": round(self.pace, 4),
            "start_frames": round(self.start, 4),
            "course_frames": round(self.course, 4),
            "tolerated": {"pace": MOST_PACE, "start_frames": MOST_START, "course_frames": MOST_COURSE},
        }


def slice_times(times_s: Float[np.ndarray, "slice frame"], names: Sequence[str]) -> SliceTimes:
    """Return the common times of slices, each increasing from frame to frame.

    Parameters
    ----------
    times_s
        Seconds; at least two frames.
    names
        What to call each slice in an error.

    Raises
    ------
    VolumeFormatError
        A slice of another heart rate, start or course.
    """
    common = np.median(times_s, axis=0)
    step = float(np.median(np.diff(common)))
    spans = np.ptp(times_s, axis=1)
    ratio = spans / np.ptp(common)
    start = np.abs(times_s[:, 0] - common[0]) / step
    straight = (times_s - times_s[:, :1]) / ratio[:, None] - (common - common[0])
    course = np.abs(straight).max(axis=1) / step
    pace, steps_ms = np.abs(ratio - 1), 1000 * spans / (times_s.shape[1] - 1)
    usual_ms = 1000 * float(np.ptp(common)) / (times_s.shape[1] - 1)
    worst = int(pace.argmax())
    if pace[worst] > MOST_PACE:
        got = (
            f"{names[worst]} with frames {steps_ms[worst]:.4g} ms apart, the median slice {usual_ms:.4g} ms: "
            f"a heart rate that differs by {pace[worst]:.0%} (up to {MOST_PACE:.0%} is taken)"
        )
        raise VolumeFormatError(got, _EXPECTED, "Take the repeated breath-hold, or leave this row out.")
    worst = int(start.argmax())
    if start[worst] > MOST_START:
        got = f"{names[worst]}, whose first frame is {start[worst]:.2g} frames away from that of the others"
        raise VolumeFormatError(got, _EXPECTED, "Fetch its series again: frames may be missing.")
    worst = int(course.argmax())
    if course[worst] > MOST_COURSE:
        got = (
            f"{names[worst]}, whose frames are up to {course[worst]:.2g} frames away from those of the others"
        )
        raise VolumeFormatError(got, _EXPECTED, "Fetch its series again: a frame may be missing.")
    return SliceTimes(
        time_s=tuple(round(float(time), 6) for time in common),
        pace=float(pace.max()),
        start=float(start.max()),
        course=float(course.max()),
    )
