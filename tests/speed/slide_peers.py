"""The same tiles through the readers that others use, as installed from the registry, one thread each.

Enters: a slide, boxes in whole level-0 pixels or not, the size of a tile. Leaves: nothing; the pixels are
made and dropped. Where a field is larger than its tile, each gets the cheapest exact mean that Pillow has
(`reduce`, or BOX).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import imagecodecs
import numpy as np
import openslide
import tifffile
import tiffslide
from PIL import Image

#: From left, top and side in level-0 pixels to RGB.
Read = Callable[[int, int, int], np.ndarray]


def read_fields(read: Read, boxes: np.ndarray, size_px: tuple[int, int]) -> None:
    """Read every field and shrink it where it is larger than its tile."""
    for left, top, right, _ in boxes.tolist():
        side = round(right - left)
        pixels = read(int(left), int(top), side)
        if side == 2 * size_px[0]:
            np.asarray(Image.fromarray(pixels).reduce(2))
        elif side != size_px[0]:
            np.asarray(Image.fromarray(pixels).resize(size_px, Image.Resampling.BOX))


@contextmanager
def opened_by_openslide(path: Path) -> Iterator[Read]:
    """Give regions one by one, as openslide-python's users read them."""
    with openslide.OpenSlide(path) as slide:
        yield lambda x, y, side: np.asarray(slide.read_region((x, y), 0, (side, side)).convert("RGB"))


@contextmanager
def opened_by_tiffslide(path: Path) -> Iterator[Read]:
    """Give regions one by one."""
    with tiffslide.TiffSlide(path) as slide:
        yield lambda x, y, side: slide.read_region((x, y), 0, (side, side), as_array=True)


@contextmanager
def opened_by_pyvips(path: Path) -> Iterator[Read]:
    """Fetch from one region that persists, which is its fastest way."""
    os.environ.setdefault("VIPS_CONCURRENCY", "1")  # read when libvips is loaded
    import pyvips

    region = pyvips.Region.new(pyvips.Image.new_from_file(str(path), page=0))

    def read(x: int, y: int, side: int) -> np.ndarray:
        return np.frombuffer(region.fetch(x, y, side, side), dtype=np.uint8).reshape(side, side, 3)

    yield read


@contextmanager
def opened_by_imagecodecs(path: Path) -> Iterator[Read]:
    """Decode each TIFF tile once (all are kept) and put regions together with numpy."""
    with tifffile.TiffFile(path) as file, path.open("rb", buffering=0) as stream:
        page = file.pages.first
        tile, columns = page.tilewidth, -(-page.imagewidth // page.tilewidth)
        offsets, counts = page.dataoffsets, page.databytecounts
        decode = partial(imagecodecs.jpeg8_decode, colorspace="ycbcr", outcolorspace="rgb")
        made: dict[int, np.ndarray] = {}

        def tile_at(number: int) -> np.ndarray:
            if number not in made:
                made[number] = decode(os.pread(stream.fileno(), counts[number], offsets[number]))
            return made[number]

        def read(x: int, y: int, side: int) -> np.ndarray:
            region = np.empty((side, side, 3), dtype=np.uint8)
            for row in range(y // tile, (y + side - 1) // tile + 1):
                for column in range(x // tile, (x + side - 1) // tile + 1):
                    down, across = row * tile - y, column * tile - x
                    y0, y1 = max(0, down), min(side, down + tile)
                    x0, x1 = max(0, across), min(side, across + tile)
                    source = tile_at(row * columns + column)
                    region[y0:y1, x0:x1] = source[y0 - down : y1 - down, x0 - across : x1 - across]
            return region

        yield read


PEERS: dict[str, Callable[[Path], AbstractContextManager[Read]]] = {
    "openslide": opened_by_openslide,
    "tiffslide": opened_by_tiffslide,
    "pyvips": opened_by_pyvips,
    "imagecodecs": opened_by_imagecodecs,
}
