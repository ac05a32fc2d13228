"""What encoding the tiles of a slide with the weight-free encoder costs; reading is slide_reading's."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from extract.encoders.registry import find_encoder, load_encoder
from extract.slides.grid import Grid, choose_level
from extract.slides.overview import read_field
from extract.slides.reader import open_slide
from extract.synthetic.cohort import write_synthetic
from tests.measurement import Measured


def slide_rows(work: Path) -> list[Measured]:
    """Encode every tile of one synthetic slide."""
    root = work / "slides"
    write_synthetic(root, layout="chimera", cases=1, seed=0, progress=lambda _: None)
    path = next(path for path in sorted(root.rglob("*.tif")) if "tissue" not in path.name)
    encoder = load_encoder(find_encoder("stain_texture_nuclei"))
    with open_slide(path) as reader:
        assert reader.mpp is not None
        grid = Grid(slide_size_px0=reader.size_px0, mpp=reader.mpp, target_mpp=0.5, tile_px=256)
        level = choose_level("slide", reader.level_downsamples, grid.wanted_downsample)
        boxes = [grid.box_px0((x, y)) for x, y in grid.positions_px0().tolist()]
        tiles = [read_field(reader, box, level, (256, 256)) for box in boxes]
    started = time.perf_counter()
    encoder.encode(np.stack(tiles), 0.5)
    return [
        Measured(
            name="slides/encode_weightfree",
            value=len(tiles) / (time.perf_counter() - started),
            unit="tiles/s",
            bar=None,
            met=None,
            input=f"{len(tiles)} tiles of 256 px at .5 um of a synthetic slide, 1 thread",
        )
    ]
