"""The geometry trial in small, and that it can fail: peers' mistakes move or stretch the printed dots."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from extract.slides import grid, pyramid
from extract.slides.grid import Grid
from extract.slides.pyramid import LevelScale
from extract.slides.reader import open_slide
from tests.trials import geometry
from tests.trials.geometry import MOST_OFF_PX, measure
from tests.trials.printed_slides import Printed, Printer


@pytest.fixture
def printer(tmp_path: Path) -> Printer:
    return Printer(tmp_path, seed=3)


@pytest.mark.parametrize("odd", ["cut along x", "cut on both sides", "filled up", "2.5 times smaller"])
def test_levels_that_are_not_what_their_size_says_are_left_alone(printer: Printer, odd: str) -> None:
    slide = printer.print_slide(0, mpp=(0.25, 0.25), odd_level=odd)
    with open_slide(slide.path) as reader:
        assert [warning for warning in reader.warnings if "is not read: no whole factor" in warning]
    found = measure(slide, 0.5, 256)
    assert max(found["place"], found["distance"]) <= MOST_OFF_PX
    assert found["dots"] > 10


def break_levels(monkeypatch: pytest.MonkeyPatch, change: Callable[[LevelScale], LevelScale]) -> None:
    def changed(
        sizes_px: tuple[tuple[int, int], ...], downsamples: tuple[float, ...]
    ) -> tuple[LevelScale | None, ...]:
        scales = pyramid.level_scales(sizes_px, downsamples)
        return tuple(change(scale) if scale and scale.level else scale for scale in scales)

    monkeypatch.setattr(grid, "level_scales", changed)


def pyramid_of(printer: Printer) -> Printed:
    """A slide with a level of half its size."""
    while True:
        slide = printer.print_slide(0, mpp=(0.25, 0.25))
        if "levels [(" in slide.what and "averaged" in slide.what:
            return slide


def test_fields_a_pixel_off_are_seen(printer: Printer, monkeypatch: pytest.MonkeyPatch) -> None:
    """One output pixel: two level-0 pixels of .25 um."""
    slide = printer.print_slide(0, mpp=(0.25, 0.25))
    assert measure(slide, 0.5, 224, 60)["place"] <= MOST_OFF_PX
    boxes = Grid.boxes_px0
    monkeypatch.setattr(
        Grid, "boxes_px0", lambda self, positions: np.maximum(boxes(self, positions) - (2, 0, 2, 0), 0)
    )
    assert measure(slide, 0.5, 224, 60)["place"] > MOST_OFF_PX


def test_a_downsample_off_by_two_percent_is_seen(printer: Printer, monkeypatch: pytest.MonkeyPatch) -> None:
    slide = pyramid_of(printer)
    assert measure(slide, 1.0, 224)["place"] <= MOST_OFF_PX

    def stretch(scale: LevelScale) -> LevelScale:
        x, y = scale.px0_per_px
        return replace(scale, px0_per_px=(x * 1.02, y))

    break_levels(monkeypatch, stretch)
    found = measure(slide, 1.0, 224)
    assert found["place"] > MOST_OFF_PX
    assert found["distance"] > MOST_OFF_PX


def test_a_mask_laid_over_the_whole_slide_is_seen(printer: Printer, monkeypatch: pytest.MonkeyPatch) -> None:
    slide = printer.print_slide(0, mpp=(0.25, 0.2528), mask="mask")
    assert measure(slide, 0.5, 224)["mask_edge"] <= MOST_OFF_PX
    read = geometry.read_mask

    def by_level_index(*arguments: object) -> object:
        mask = read(*arguments)  # type: ignore[arg-type]
        x, y = mask.px0_per_px
        return replace(mask, px0_per_px=(x * 1.01, y))

    monkeypatch.setattr(geometry, "read_mask", by_level_index)
    assert measure(slide, 0.5, 224)["mask_edge"] > MOST_OFF_PX
