"""Slides with a printed pattern of dots whose places are known in um, in pyramids as writers make them.

Enters: a folder, a seed. Leaves: a TIFF, perhaps a mask, and where the dots are. The pattern is a product of
bumps along x and along y, so that the mean of any pixel of any level is exact and is computed, not resampled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from scipy.special import erf

#: Standard deviation of a dot, and about how far the next one is (um).
DOT_UM, STEP_UM = 3.5, 40.0
#: Eosin, and what a dot takes off it.
BASE, DEPTH = np.array([222, 150, 196]), np.array([120, 90, 60])
LUMA = np.array([0.299, 0.587, 0.114])
SCANNER_MPP = (0.2428, 0.25, 0.2527, 0.263, 0.3461, 0.499)
STRETCHES = (1.0, 1.0, 1.0112, 0.97, 1.25)
FACTORS = ((2, 4, 8), (4, 16), (2, 8), (4,), (8,), (3, 9), (16,), ())


@dataclass(frozen=True, kw_only=True)
class Dots:
    """Places of the bumps along one axis, um from the slide's corner."""

    centres_um: np.ndarray

    def means(self, count: int, pixel_um: float) -> np.ndarray:
        """Mean of the bumps over each of `count` pixels."""
        edges = np.arange(count + 1)[:, None] * pixel_um
        reached = erf((edges - self.centres_um) / (DOT_UM * math.sqrt(2))).sum(axis=1)
        means: np.ndarray = np.diff(reached) * DOT_UM * math.sqrt(math.pi / 2) / pixel_um
        return means


@dataclass(frozen=True, kw_only=True)
class Level:
    """A level as its writer made it: pixels of `px0_per_px` level-0 pixels, `size_px` of them."""

    size_px: tuple[int, int]
    px0_per_px: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Printed:
    """A slide on disk and the truth about it."""

    path: Path
    dots: tuple[Dots, Dots]
    mpp: tuple[float, float]
    what: str
    mask: Path | None = None
    #: left, top, right, bottom of the mask's region (um)
    region_um: tuple[float, float, float, float] | None = None


class Printer:
    """Draws one slide after the other from one stream of random numbers."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder
        self._rng = np.random.default_rng(seed)

    def choose(self, *options: Any) -> Any:
        """Draw one of the options."""
        return options[int(self._rng.integers(len(options)))]

    def print_slide(
        self,
        number: int,
        mpp: tuple[float, float] | None = None,
        told_mpp: tuple[float, float] | str | None = "true",
        odd_level: str = "",
        mask: str = "",
    ) -> Printed:
        """Write a slide; `odd_level` and `mask` say what is wrong, or uncommon, about it."""
        if mpp is None:
            mpp_x = self.choose(*SCANNER_MPP)
            mpp = (mpp_x, mpp_x * self.choose(*STRETCHES))
        field_um = (self._rng.uniform(330, 640), self._rng.uniform(330, 640))
        size = (round(field_um[0] / mpp[0]), round(field_um[1] / mpp[1]))
        dots = (self._dots(size[0] * mpp[0]), self._dots(size[1] * mpp[1]))
        factors, rounding = self.choose(*FACTORS), self.choose("floor", "ceil", "round")
        made = self.choose("averaged", "resized")
        levels = [Level(size_px=size, px0_per_px=(1.0, 1.0))]
        levels += [_level(size, factor, rounding, made) for factor in factors]
        levels = _spoil(levels, odd_level, size)
        compression = self.choose("jpeg", "adobe_deflate")
        tile_px = self.choose(128, 256, 240)
        path = self._folder / f"slide{number:03d}.tif"
        self._write(path, levels, dots, mpp if told_mpp == "true" else told_mpp, (compression, tile_px), mpp)
        what = (
            f"{size[0]} x {size[1]} px of {mpp[0]:.4f} x {mpp[1]:.4f} um, {compression} {tile_px} {mask}, "
            f"levels {[level.size_px for level in levels[1:]]} {made} {rounding} {odd_level}"
        )
        written, region = self._mask(number, (size[0] * mpp[0], size[1] * mpp[1]), mask)
        return Printed(path=path, dots=dots, mpp=mpp, what=what, mask=written, region_um=region)

    def _dots(self, length_um: float) -> Dots:
        places = np.arange(STEP_UM / 2, length_um - STEP_UM / 4, STEP_UM)
        return Dots(centres_um=places + self._rng.uniform(-0.2, 0.2, len(places)) * STEP_UM)

    def _write(
        self,
        path: Path,
        levels: list[Level],
        dots: tuple[Dots, Dots],
        told: Any,
        form: tuple[str, int],
        mpp: tuple[float, float],
    ) -> None:
        arguments: dict[str, Any] = {"compression": form[0], "tile": (form[1], form[1]), "metadata": None}
        if form[0] == "jpeg":
            arguments["compressionargs"] = {"level": 92}
        with tifffile.TiffWriter(path) as writer:
            for number, level in enumerate(levels):
                pixel_um = tuple(size * scale for size, scale in zip(mpp, level.px0_per_px, strict=True))
                bumps = [
                    axis.means(count, size)
                    for axis, count, size in zip(dots, level.size_px, pixel_um, strict=True)
                ]
                picture = BASE - DEPTH * np.outer(bumps[1], bumps[0])[..., None]
                if told is not None:
                    per_cm = tuple(
                        10_000 / (size * scale) for size, scale in zip(told, level.px0_per_px, strict=True)
                    )
                    arguments |= {"resolution": per_cm, "resolutionunit": "centimeter"}
                pixels = np.rint(picture).clip(0, 255).astype(np.uint8)
                writer.write(pixels, photometric="rgb", subfiletype=int(number > 0), **arguments)

    def _mask(
        self, number: int, field_um: tuple[float, float], kind: str
    ) -> tuple[Path | None, tuple[float, float, float, float] | None]:
        """Write a rectangle of tissue at the mask's own spacing; "other" is of a larger slide."""
        if not kind:
            return None, None
        spacing = float(self._rng.choice([0.97, 2.0, 3.3, 4.032, 7.9]))
        width, height = (round(side * (1.3 if kind == "other" else 1) / spacing) for side in field_um)
        left, top = int(width * self._rng.uniform(0, 0.3)), int(height * self._rng.uniform(0, 0.3))
        right, bottom = int(width * self._rng.uniform(0.6, 1)), int(height * self._rng.uniform(0.6, 1))
        values = np.zeros((height, width), dtype=np.uint8)
        values[top:bottom, left:right] = self.choose(1, 255)
        path = self._folder / f"mask{number:03d}.tif"
        per_cm = (10_000 / spacing, 10_000 / spacing)
        tifffile.imwrite(path, values, resolution=per_cm, resolutionunit="centimeter", metadata=None)
        return path, (left * spacing, top * spacing, right * spacing, bottom * spacing)


def _level(size: tuple[int, int], factor: int, rounding: str, made: str) -> Level:
    turn = {"floor": math.floor, "ceil": math.ceil, "round": round}[rounding]
    width, height = (max(1, turn(side / factor)) for side in size)
    if made == "averaged":
        return Level(size_px=(width, height), px0_per_px=(factor, factor))
    return Level(size_px=(width, height), px0_per_px=(size[0] / width, size[1] / height))


def _spoil(levels: list[Level], odd: str, size: tuple[int, int]) -> list[Level]:
    """Add a level that is cut, of an uncommon factor, of another shape, or finer than level 0."""
    width, height = size[0] // 2, size[1] // 2
    if odd == "cut along x":
        return [levels[0], Level(size_px=(round(width * 0.96), height), px0_per_px=(2, 2))]
    if odd == "cut on both sides":
        return [levels[0], Level(size_px=(round(width * 0.95), round(height * 0.95)), px0_per_px=(2, 2))]
    if odd == "filled up":
        return [levels[0], Level(size_px=(round(width * 1.06), round(height * 1.06)), px0_per_px=(2, 2))]
    if odd == "2.5 times smaller":
        return [levels[0], Level(size_px=(round(size[0] / 2.5), round(size[1] / 2.5)), px0_per_px=(2.5, 2.5))]
    if odd == "another shape":
        return [levels[0], Level(size_px=(width, height // 2), px0_per_px=(2, 4))]
    return levels
