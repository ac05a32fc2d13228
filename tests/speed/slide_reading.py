"""What reading tiles of a slide costs over the decode of their JPEG alone, and what it costs the peers.

Enters: a folder to draw in. Leaves: rows in CPU time (all threads), the least of a few rounds in which
everything takes its turn, each time with a freshly opened file: a cache that survived would make any reader
look good.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import simplejpeg
import tifffile

from extract.slides.batch_memory import make_pixels
from extract.slides.direct_reader import DirectReader
from extract.slides.reader import Resampler
from extract.slides.tiling import BATCH
from tests.measurement import Measured
from tests.speed.drawn_slides import draw_slide
from tests.speed.slide_peers import PEERS, read_fields

SIDE_PX, FIELDS = 20_000, 2500
#: Everything takes its turn so often; peers less, for they take most of the time.
ROUNDS, PEER_ROUNDS = 12, 3
SIZE_PX = 256


@dataclass(frozen=True, kw_only=True)
class Case:
    """Fields of a level-0 grid: the side and offset in level-0 pixels, and the side of a tile made of one."""

    name: str
    slide: Path
    side_px0: float
    offset_px0: float
    tile_px: int = SIZE_PX
    bars: dict[Resampler, float | None]
    peer_bar: float | None = None


def reading_rows(work: Path) -> list[Measured]:
    """Draw two slides and read the same tiles of each in every way."""
    small, large = (draw_slide(work / f"tiled_{px}.tif", SIDE_PX, 0, px) for px in (256, 512))
    cases = [
        Case(name="aligned", slide=small, side_px0=256, offset_px0=0, bars={"area": 1.05}, peer_bar=7),
        Case(name="unaligned", slide=small, side_px0=256, offset_px0=100, bars={"area": 1.25}, peer_bar=6),
        Case(
            name="unaligned_512_px",
            slide=large,
            side_px0=512,
            offset_px0=100,
            tile_px=512,
            bars={"area": 1.15},
            peer_bar=6,
        ),
        Case(
            name="halved",
            slide=small,
            side_px0=512,
            offset_px0=0,
            bars={"area": 1.6, "jpeg": 1.15},
            peer_bar=8,
        ),
        Case(
            name="halved_unaligned",
            slide=small,
            side_px0=512,
            offset_px0=100,
            bars={"area": 1.6, "jpeg": 1.15},
            peer_bar=8,
        ),
        Case(
            name="from_.243_um",
            slide=small,
            side_px0=256 * 0.5 / 0.243,
            offset_px0=0,
            bars={"area": None, "jpeg": None},
        ),
    ]
    return [row for case in cases for row in _case_rows(case)]


def _case_rows(case: Case) -> list[Measured]:
    boxes, streams = _fields(case)
    works: dict[str, Callable[[], float]] = {"decode": lambda: _decode_s(streams)}
    for resampler in case.bars:
        works[resampler] = lambda resampler=resampler: _read_s(case, boxes, resampler)  # type: ignore[misc]
    for name in PEERS:
        works[name] = lambda name=name: _peer_s(name, case, boxes)  # type: ignore[misc]
    seconds = _least(works)
    source = (
        f"{len(boxes)} fields of {case.side_px0:.5g} px at {case.offset_px0:g} px to {case.tile_px} px, "
        f"{case.slide.stem} of {SIDE_PX:,} px, JPEG Q80 4:2:0; {seconds['decode'] / len(boxes) * 1e6:.0f} us "
        f"a tile to decode alone; CPU, least of {ROUNDS} (peers {PEER_ROUNDS})"
    )

    def row(name: str, value: float, unit: str, bar: str | None, met: bool | None) -> Measured:
        full = f"slides/read_{case.name}_{name}"
        return Measured(name=full, value=value, unit=unit, bar=bar, met=met, input=source)

    rows = []
    for resampler, bar in case.bars.items():
        ratio = seconds[resampler] / seconds["decode"]
        told = None if bar is None else f"<= {bar:g} of the decode"
        rows.append(row(f"by_{resampler}", ratio, "x decode", told, None if bar is None else ratio <= bar))
    best = list(case.bars)[-1]
    for name in PEERS:
        rows.append(row(f"by_{name}", seconds[name] / seconds["decode"], "x decode", None, None))
    for resampler in case.bars:
        times = seconds["openslide"] / seconds[resampler]
        bar = case.peer_bar if resampler == best else None
        told = None if bar is None else f">= {bar:g} times less"
        met = None if bar is None else times >= bar
        rows.append(row(f"openslide_over_{resampler}", times, "times", told, met))
    if "jpeg" in case.bars:
        rows.append(row("jpeg_minus_area", _difference(case, boxes), "of 255, mean", None, None))
    return rows


def _difference(case: Case, boxes: np.ndarray) -> float:
    """Return the mean absolute difference between both resamplers."""
    gaps = []
    with DirectReader(case.slide) as reader:
        size_px = (case.tile_px, case.tile_px)
        exactly = reader.read_fields(boxes, 0, size_px, "area", BATCH)
        nearly = reader.read_fields(boxes, 0, size_px, "jpeg", BATCH)
        for exact, near in zip(exactly, nearly, strict=True):
            assert np.array_equal(exact.rows, near.rows)
            gaps.append(np.abs(exact.pixels.astype(np.int16) - near.pixels).mean())
    return float(np.mean(gaps))


def _fields(case: Case) -> tuple[np.ndarray, list[bytes]]:
    """Return the first fields on tissue, row by row, and the JPEG of each distinct tile they touch."""
    count = int((SIDE_PX - case.offset_px0) // case.side_px0)
    start = case.offset_px0 + np.arange(count) * case.side_px0
    corners = np.stack([np.tile(start, count), np.repeat(start, count)], axis=1)
    boxes = np.concatenate([corners, corners + case.side_px0], axis=1)
    with tifffile.TiffFile(case.slide) as file, case.slide.open("rb") as stream:
        page = file.pages.first
        columns, tile = -(-page.imagewidth // page.tilewidth), page.tilewidth
        counts = np.array(page.databytecounts).reshape(-1, columns)
        first = np.floor(boxes[:, :2] / tile).astype(int)
        last = np.ceil(boxes[:, 2:] / tile).astype(int)
        heavy = [
            counts[y0:y1, x0:x1].min() > counts.max() / 2
            for (x0, y0), (x1, y1) in zip(first, last, strict=True)
        ]
        chosen = np.flatnonzero(heavy)[:FIELDS]
        numbers = {
            row * columns + column
            for field in chosen
            for row in range(first[field, 1], last[field, 1])
            for column in range(first[field, 0], last[field, 0])
        }
        streams = []
        for number in sorted(numbers):
            stream.seek(page.dataoffsets[number])
            streams.append(stream.read(page.databytecounts[number]))
    return boxes[chosen], streams


def _decode_s(streams: Iterable[bytes]) -> float:
    """Decode into one small buffer that is written through the cache, which is as fast as it gets."""
    pixels = make_pixels((1024, 1024, 3))
    started = time.process_time()
    for stream in streams:
        simplejpeg.decode_jpeg(stream, "RGB", buffer=pixels)
    return time.process_time() - started


def _read_s(case: Case, boxes: np.ndarray, resampler: Resampler) -> float:
    with DirectReader(case.slide) as reader:
        started = time.process_time()
        for _ in reader.read_fields(boxes, 0, (case.tile_px, case.tile_px), resampler, BATCH):
            pass
        return time.process_time() - started


def _peer_s(name: str, case: Case, boxes: np.ndarray) -> float:
    with PEERS[name](case.slide) as read:
        started = time.process_time()
        read_fields(read, boxes, (case.tile_px, case.tile_px))
        return time.process_time() - started


def _least(works: dict[str, Callable[[], float]]) -> dict[str, float]:
    seconds = dict.fromkeys(works, float("inf"))
    for turn in range(ROUNDS):
        for name, work in works.items():
            if name not in PEERS or turn < PEER_ROUNDS:
                seconds[name] = min(seconds[name], work())
    return seconds
