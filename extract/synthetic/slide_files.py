"""Synthetic slides as the files of a scanner: a pyramidal JPEG TIFF and a tissue mask on its own spacing.

Enters: painted pixels at 0.5 um/px. Leaves: `<slide>.tif` (levels 0.25, 0.5, 1.0 um/px, YCbCr JPEG tiles of
256 px, resolution in cm) and `<slide>_tissue.tif` (0 glass, 1 tissue, 4 um/px), the same bytes every time.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8

from extract.synthetic.slide_layout import CELL_UM, NATIVE_MPP
from extract.synthetic.slide_painter import PAINT_MPP

TILE_PX = 256
JPEG_QUALITY = 80
MASK_MPP = 4.0
UM_PER_CM = 10_000.0
SOFTWARE = "braid synthetic"


def write_slide(path: Path, rgb: UInt8[np.ndarray, "row column 3"]) -> None:
    """Write three levels; level 0 is the painted one enlarged twice, level 2 its mean over 2 x 2 px.

    Painting at 0.5 um/px and enlarging costs a quarter of painting at 0.25, and is as soft as real glass.
    """
    import tifffile
    from PIL import Image

    height, width = rgb.shape[:2]
    painted = Image.fromarray(rgb)
    levels = [
        (NATIVE_MPP, np.asarray(painted.resize((width * 2, height * 2), Image.Resampling.BILINEAR))),
        (PAINT_MPP, rgb),
        (PAINT_MPP * 2, np.asarray(painted.reduce(2))),
    ]
    with tifffile.TiffWriter(path) as tiff:
        for number, (mpp, pixels) in enumerate(levels):
            tiff.write(
                pixels,
                subfiletype=int(number > 0),
                tile=(TILE_PX, TILE_PX),
                photometric="rgb",  # what comes in; tifffile stores YCbCr
                subsampling=(2, 2),
                compression="jpeg",
                compressionargs={"level": JPEG_QUALITY},
                resolution=(UM_PER_CM / mpp, UM_PER_CM / mpp),
                resolutionunit="CENTIMETER",
                software=SOFTWARE,
                metadata=None,
            )


def write_tissue_mask(path: Path, tissue: Bool[np.ndarray, "row column"]) -> None:
    """Write the tissue cells as 0 and 1 at `MASK_MPP`."""
    import tifffile

    factor = int(CELL_UM / MASK_MPP)
    mask = np.kron(tissue.astype(np.uint8), np.ones((factor, factor), dtype=np.uint8))
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(
            mask,
            tile=(TILE_PX, TILE_PX),
            photometric="minisblack",
            compression="lzw",
            resolution=(UM_PER_CM / MASK_MPP, UM_PER_CM / MASK_MPP),
            resolutionunit="CENTIMETER",
            software=SOFTWARE,
            metadata=None,
        )
