"""Small pyramidal TIFF slides that the tests write, paint and damage."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from extract.slides.resample import area_resize

TILE_PX = 128


@dataclass(frozen=True, kw_only=True)
class Codec:
    """How the pixels of a TIFF are stored."""

    compression: str
    photometric: str = "rgb"
    outcolorspace: str | None = None

    @property
    def lossless(self) -> bool:
        return self.compression != "jpeg"


DEFLATE = Codec(compression="adobe_deflate")
JPEG_YCBCR = Codec(compression="jpeg")
JPEG_RGB = Codec(compression="jpeg", outcolorspace="rgb")


def shrink(image: np.ndarray, step: int) -> np.ndarray:
    """The level at 1/step: exact area means of the whole picture, its size rounded up."""
    height, width = image.shape[:2]
    size = (math.ceil(width / step), math.ceil(height / step))
    return area_resize(image, (0, 0, width, height), size)


def write_pyramid(
    path: Path,
    image: np.ndarray,
    *,
    steps: Sequence[int] = (1,),
    codec: Codec = DEFLATE,
    mpp: float | tuple[float, float] | None = 0.5,
    unit: str = "centimeter",
) -> Path:
    """Write one page a level, as generic tiled TIFF pyramids are."""
    mpp_x, mpp_y = mpp if isinstance(mpp, tuple) else (mpp, mpp)
    um_per_unit = {"centimeter": 10_000.0, "inch": 25_400.0}[unit]
    with tifffile.TiffWriter(path) as writer:
        for number, step in enumerate(steps):
            level = shrink(image, step)
            arguments: dict[str, object] = {"level": 95} if codec.compression == "jpeg" else {}
            if codec.outcolorspace:
                arguments["outcolorspace"] = codec.outcolorspace
            resolution = {}
            if mpp_x is not None and mpp_y is not None:
                per_unit = (um_per_unit / (mpp_x * step), um_per_unit / (mpp_y * step))
                resolution = {"resolution": per_unit, "resolutionunit": unit}
            writer.write(
                level,
                tile=(TILE_PX, TILE_PX),
                photometric=codec.photometric,
                compression=codec.compression,
                compressionargs=arguments or None,
                subfiletype=1 if number else 0,
                metadata=None,
                **resolution,
            )
    return path


def break_tile(path: Path, column: int, row: int, level: int = 0) -> None:
    """Overwrite bytes in the middle of one JPEG tile of a level."""
    with tifffile.TiffFile(path) as file:
        page = file.pages[level]
        number = row * math.ceil(page.imagewidth / TILE_PX) + column
        offset, count = page.dataoffsets[number], page.databytecounts[number]
    content = bytearray(path.read_bytes())
    content[offset + count // 3 : offset + 2 * count // 3] = b"\xff" * (2 * count // 3 - count // 3)
    path.write_bytes(content)


def colour_noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Smooth colours without a repeat: no two regions look alike."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 16 + 2, width // 16 + 2, 3)).astype(np.float64)
    y, x = np.arange(height) / 16, np.arange(width) / 16
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    down, across = (y - top)[:, None, None], (x - left)[None, :, None]
    upper = coarse[top][:, left] * (1 - across) + coarse[top][:, left + 1] * across
    lower = coarse[top + 1][:, left] * (1 - across) + coarse[top + 1][:, left + 1] * across
    return np.rint(upper * (1 - down) + lower * down).astype(np.uint8)


GLASS = (243, 243, 245)
EOSIN = (222, 150, 196)
HAEMATOXYLIN = (96, 62, 140)


def paint_tissue(height: int, width: int, tissue: tuple[int, int, int, int], seed: int = 0) -> np.ndarray:
    """Glass with one rectangle (left, top, right, bottom) of eosin and round nuclei."""
    image = np.full((height, width, 3), GLASS, dtype=np.uint8)
    left, top, right, bottom = tissue
    image[top:bottom, left:right] = EOSIN
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    for _ in range((right - left) * (bottom - top) // 1500):
        centre_x, centre_y = rng.integers(left + 10, right - 10), rng.integers(top + 10, bottom - 10)
        window = (slice(centre_y - 8, centre_y + 9), slice(centre_x - 8, centre_x + 9))
        disc = (x[window] - centre_x) ** 2 + (y[window] - centre_y) ** 2 <= 49
        image[window][disc] = HAEMATOXYLIN
    noise = rng.integers(-4, 5, image.shape)
    return np.clip(image.astype(int) + noise, 0, 255).astype(np.uint8)
