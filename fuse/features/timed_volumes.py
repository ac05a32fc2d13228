"""Series over time in volume entries: frames by series, pooled into columns that all entries share.

Enters: entries that hold `time_s` (row,) in seconds, `time_frame` (row,) and `time_embeddings` (row,
feature), a row a frame of a region of a series, those of one region together and in order. Seconds are NaN
throughout a series whose times nobody knows; its frames are then counted by `time_frame`. Their attributes:
`time_rows`, {series, region} of each row, or {series} alone; where known `time_feature_names`, and
`time_named`, by series the indices of the frames `end_diastole` and `end_systole` within it and its
`period_s`; `over_time`, by series its `kind`: one that follows a contrast agent has no period. Leaves: one
row of pooled features an entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from feature_cache.entry import EntryRecord
from feature_cache.errors import CacheError
from feature_cache.store import Entry
from fuse.features.time_pooling import POOLS, pool_frames

FRAMES, TIMES, NUMBERS = "time_embeddings", "time_s", "time_frame"
_HARMONICS = [place for place, pool in enumerate(POOLS) if pool.startswith("harmonic")]


@dataclass(frozen=True, kw_only=True)
class TimedColumns:
    """The series over time of a feature set and the features of a frame; none without such a series.

    `series` are `<series>/<region>`, or `<series>` where an entry tells no region.
    """

    series: tuple[str, ...]
    features: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """`<series>/<region>/time/<pool>/<feature>` of each column."""
        return [
            f"{series}/time/{pool}/{feature}"
            for series in self.series
            for pool in POOLS
            for feature in self.features
        ]

    def values_of(self, entry: Entry) -> Float[np.ndarray, " column"]:
        """Return the columns of one entry; NaN for series that it lacks.

        Raises
        ------
        CacheError
            Frames, times and their rows do not go together.
        """
        pooled = np.full((len(self.series), len(POOLS), len(self.features)), np.nan)
        of_frame = np.array(_series_of_frames(entry.record))
        if len(of_frame):
            _check(entry, of_frame)
        for number, series in enumerate(self.series):
            rows = np.flatnonzero(of_frame == series)
            if len(rows):
                pooled[number] = pool_frames(
                    entry.arrays[FRAMES][rows], _clock(entry, rows), _told(entry.record, "time_named", series)
                )
                if _told(entry.record, "over_time", series).get("kind") == "contrast":
                    pooled[number, _HARMONICS] = np.nan
        return pooled.ravel()


def timed_columns(records: Sequence[EntryRecord]) -> TimedColumns:
    """Return the columns that the series over time of all entries make together.

    Raises
    ------
    CacheError
        The entries do not agree on the features of a frame.
    """
    timed = [record for record in records if _series_of_frames(record)]
    series = sorted({name for record in timed for name in _series_of_frames(record)})
    features = [_features(record) for record in timed]
    for record, own in zip(timed, features, strict=True):
        if own != features[0]:
            raise _wrong(record, f"the features over time of {timed[0].key}", "other features")
    return TimedColumns(series=tuple(series), features=features[0] if features else ())


def _series_of_frames(record: EntryRecord) -> list[str]:
    rows = record.attrs.get("time_rows", ())
    return [f"{row['series']}/{row['region']}" if "region" in row else str(row["series"]) for row in rows]


def _told(record: EntryRecord, attribute: str, series: str) -> dict[str, Any]:
    """Return what an entry tells of the series that a region's frames are of."""
    return dict(record.attrs.get(attribute, {}).get(series.partition("/")[0], {}))


def _clock(entry: Entry, rows: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Float[np.ndarray, " time"]:
    """Return seconds; numbers of frames where no second is known."""
    time_s = np.asarray(entry.arrays[TIMES][rows], dtype=np.float64)
    if NUMBERS in entry.arrays and np.isnan(time_s).all():
        return np.asarray(entry.arrays[NUMBERS][rows], dtype=np.float64)
    return time_s


def _features(record: EntryRecord) -> tuple[str, ...]:
    if FRAMES not in record.arrays:
        raise _wrong(record, f"an array {FRAMES} beside time_rows", "none")
    width = record.arrays[FRAMES].shape[-1]
    names = record.attrs.get("time_feature_names") or [f"feature_{number}" for number in range(width)]
    if len(names) != width:
        raise _wrong(record, f"{len(names)} features of a frame, as they are named", str(width))
    return tuple(str(name) for name in names)


def _check(entry: Entry, of_frame: np.ndarray[tuple[int], np.dtype[np.str_]]) -> None:
    record, time_s = entry.record, entry.arrays.get(TIMES)
    frames = entry.arrays[FRAMES]
    lengths = {len(one) for one in (time_s, entry.arrays.get(NUMBERS, time_s), frames) if one is not None}
    if time_s is None or frames.ndim != 2 or lengths != {len(of_frame)}:
        got = "no times" if time_s is None else f"{len(time_s)} times, {FRAMES} of shape {frames.shape}"
        raise _wrong(record, f"a time and a row for each of {len(of_frame)} frames", got)
    for series in np.unique(of_frame):
        rows = np.flatnonzero(of_frame == series)
        clock = _clock(entry, rows)
        if not (np.isfinite(clock).all() and (np.diff(clock) > 0).all()):
            raise _wrong(record, f"times of {series} that increase", "others")
        named = _told(record, "time_named", str(series))
        for mark in ("end_diastole", "end_systole"):
            if mark in named and not 0 <= int(named[mark]) < len(rows):
                raise _wrong(record, f"{mark} of {series} among its {len(rows)} frames", str(named[mark]))


def _wrong(record: EntryRecord, expected: str, got: str) -> CacheError:
    return CacheError(f"cache: {record.key}", expected=expected, got=got, remedy="Extract this case again.")
