"""What reading and encoding a slide costs, against openslide's own reading of the same tiles."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import openslide

from extract.encoders.registry import find_encoder, load_encoder
from extract.slides.grid import Grid, choose_level
from extract.slides.overview import read_field
from extract.slides.reader import open_slide
from extract.synthetic.cohort import write_synthetic
from tests.measurement import Measured


def slide_rows(work: Path) -> list[Measured]:
    """Read every tile of one synthetic slide, encode it, and read it with openslide alone."""
    root = work / "slides"
    write_synthetic(root, layout="chimera", cases=1, seed=0, progress=lambda _: None)
    path = next(path for path in sorted(root.rglob("*.tif")) if "tissue" not in path.name)
    encoder = load_encoder(find_encoder("stain_texture_nuclei"))
    with open_slide(path) as reader:
        assert reader.mpp is not None
        grid = Grid(slide_size_px0=reader.size_px0, mpp=reader.mpp, target_mpp=0.5, tile_px=256)
        level = choose_level("slide", reader.level_downsamples, grid.wanted_downsample)
        boxes = [grid.box_px0((x, y)) for x, y in grid.positions_px0().tolist()]
        started = time.perf_counter()
        tiles = [read_field(reader, box, level, (256, 256)) for box in boxes]
        read = time.perf_counter() - started
    started = time.perf_counter()
    encoder.encode(np.stack(tiles), 0.5)
    encode = time.perf_counter() - started
    started = time.perf_counter()
    with openslide.OpenSlide(path) as slide:
        for x, y in grid.positions_px0().tolist():
            np.asarray(slide.read_region((x, y), level, (256, 256)).convert("RGB"))
    alone = time.perf_counter() - started
    source = f"{len(tiles)} tiles of 256 px at .5 um, level {level} of a synthetic JPEG pyramid, 1 thread"

    def row(name: str, value: float, unit: str) -> Measured:
        return Measured(name=f"slides/{name}", value=value, unit=unit, bar=None, met=None, input=source)

    return [
        row("read_tiles", len(tiles) / read, "tiles/s"),
        row("read_against_openslide_alone", read / alone, "times its time"),
        row("encode_weightfree", len(tiles) / encode, "tiles/s"),
        row("read_and_encode", len(tiles) / (read + encode), "tiles/s"),
    ]
