"""Times of frames: who told them, what a scanner cannot have, what is unknown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from extract.volumes.time.frame_times import FrameTimes, frame_times, read_times, refuse_times
from extract.volumes.time.settings import Kind
from feature_cache.errors import SourceError


def times_of(*seconds: float) -> FrameTimes:
    return FrameTimes(time_s=np.array(seconds), source="series.csv")


def test_the_manifest_counts_before_the_header_and_a_difference_is_said() -> None:
    header = ([0.0, 4.2, 8.4], "pixdim[4]")
    assert frame_times(None, header, 3).source == "header (pixdim[4])"
    told = frame_times([8.0, 12.2, 16.4], header, 3)
    np.testing.assert_array_equal(told.time_s, [8, 12.2, 16.4])
    assert (told.source, told.warnings) == ("series.csv", ())
    (odd,) = frame_times([0.0, 3.0, 6.0], header, 3).warnings
    assert odd == "series.csv has frames 3 s apart, the header (pixdim[4]) 4.2 s; the first counts"


def test_nothing_is_made_up_where_nobody_knows() -> None:
    unknown = frame_times(None, (None, None), 3)
    assert np.isnan(unknown.time_s).all() and not unknown.known and unknown.warnings
    refuse_times(unknown, 3, "heart", "w")
    with pytest.raises(SourceError, match="got none in header or series"):
        refuse_times(unknown, 3, "contrast", "w")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ('{"trigger_time_s": [8.0, 12.2]}', (8.0, 12.2)),
        ('{"time_ms": [0, 33.5], "note": "of a phantom"}', (0.0, 0.0335)),
    ],
)
def test_a_file_of_times_names_its_unit(tmp_path: Path, text: str, seconds: tuple[float, ...]) -> None:
    (tmp_path / "t.json").write_text(text)
    assert read_times(tmp_path / "t.json", "w") == seconds


@pytest.mark.parametrize(
    "text",
    ["[1, 2]", '{"times": [1]}', '{"time_s": [1], "time_ms": [1]}', '{"time_s": ["1"]}', '{"time_s": [true]}',
     '{"time_s": 3}', "{", "[" * 100_000, '{"time_s": [1' + "0" * 400 + "]}"],
)  # fmt: skip
def test_another_form_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(SourceError, match="expected JSON with one list of numbers"):
        read_times(tmp_path / "t.json", "w")


@pytest.mark.parametrize(
    ("seconds", "kind", "message"),
    [
        ((0.0, 1.0), "contrast", "a time for each of 3 frames; got 2"),
        ((0.0, np.nan, 2.0), "contrast", "times that are not finite"),
        ((0.0, np.nan, np.nan), "heart", "times that are not finite"),
        ((0.0, 5.0, 4.0), "contrast", "increase from frame to frame; got 1 that do not go forward"),
        ((0.0, 4.0, 4.0), "contrast", "got 1 that do not go forward"),
        ((0.0, 33.0, 66.0), "heart", r"frames 0.001 to 1 s apart; got frames 33 to 33 s apart"),
        ((0.0, 0.004, 0.008), "contrast", "frames 0.1 to 600 s apart"),
        ((-1e308, 1e308, 1.1e308), "contrast", "frames 0.1 to 600 s apart"),
    ],
)
def test_times_that_no_scanner_has_are_refused(seconds: tuple[float, ...], kind: Kind, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        refuse_times(times_of(*seconds), 3, kind, "w")
