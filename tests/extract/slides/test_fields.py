"""Batches of fields: every row once, as pixels or with a reason, the same pixels as field by field."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from extract.slides.fields import FieldBatch, read_field, resampler_used
from extract.slides.openslide_reader import OpenSlideReader
from extract.slides.reader import SlideReader
from tests.extract.slides.pyramids import JPEG_YCBCR, break_tile, colour_noise, write_pyramid

BOXES = np.array([[x, y, x + 90.0, y + 80.5] for y in range(0, 400, 81) for x in range(0, 600, 90)])


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = write_pyramid(tmp_path / "slide.tif", colour_noise(500, 700), codec=JPEG_YCBCR)
    break_tile(path, column=2, row=1)
    return path


def gather(batches: list[FieldBatch]) -> tuple[dict[int, np.ndarray], dict[int, str]]:
    """Rows with pixels and rows that failed; a row that came twice is an error here."""
    pixels, failed = {}, {}
    for batch in batches:
        assert len(batch.rows) == len(batch.pixels)
        assert batch.pixels.flags.c_contiguous
        for row, tile in zip(batch.rows.tolist(), batch.pixels, strict=True):
            assert row not in pixels
            pixels[row] = tile
        for row, reason in batch.failed:
            assert row not in failed
            failed[row] = reason
    assert not pixels.keys() & failed.keys()
    return pixels, failed


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_every_row_comes_once(broken: Path, batch: int) -> None:
    with OpenSlideReader(broken) as slide:
        batches = list(slide.read_fields(BOXES, 0, (45, 40), "area", batch))
        pixels, failed = gather(batches)
        assert sorted([*pixels, *failed]) == list(range(len(BOXES)))
        assert max(len(found.rows) for found in batches) <= batch
        assert 1 <= len(failed) < len(BOXES) / 2  # those on the broken TIFF tile
        assert all("cannot decode" in reason and str(broken) not in reason for reason in failed.values())
        for row in list(pixels)[::5]:
            np.testing.assert_array_equal(pixels[row], read_field(slide, tuple(BOXES[row]), 0, (45, 40)))


def test_batches_belong_to_the_receiver(broken: Path) -> None:
    with OpenSlideReader(broken) as slide:
        found = slide.read_fields(BOXES, 0, (45, 40), "area", 4)
        first = next(found)
        kept = first.pixels.copy()
        list(found)
        np.testing.assert_array_equal(first.pixels, kept)


def test_no_boxes_are_no_batches(broken: Path) -> None:
    with OpenSlideReader(broken) as slide:
        assert list(slide.read_fields(np.zeros((0, 4)), 0, (45, 40), "area", 4)) == []


def test_a_reader_without_a_transform_averages_areas(broken: Path) -> None:
    with OpenSlideReader(broken) as slide:
        reader: SlideReader = slide
        assert resampler_used(reader, "jpeg") == "area"
        assert resampler_used(reader, "area") == "area"
