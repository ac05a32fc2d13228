"""Pyramids in which everything is as large as in a real slide, drawn in seconds: JPEG Q80, 45 % tissue.

Enters: a side in pixels and a seed. Leaves: a tiled TIFF of 0.25 um per pixel with levels 1, 2, 4, ... The
tissue is one texture repeated, so that tiles inside it are compressed once; no two outlines are alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

MPP = 0.25
TILE_PX, QUALITY, SHARE_OF_TISSUE = 256, 80, 0.45
#: Pixels of level 0: the side of the texture, and of a cell of the outline.
_TEXTURE_PX, _CELL_PX = 4096, 128
#: The last level is about this large.
_SMALLEST_PX = 600

Image = np.ndarray[Any, Any]


def draw_slide(path: Path, side_px: int, seed: int, tile_px: int = TILE_PX) -> Path:
    """Write one slide; its tiles lie where the file has them once each, equal or not."""
    import tifffile

    rng = np.random.default_rng(seed)
    texture, outline = _texture(rng), _outline(side_px, rng)
    steps = [2**number for number in range(12) if side_px // 2**number >= _SMALLEST_PX]
    with tifffile.TiffWriter(path, bigtiff=side_px > 30_000) as writer:
        for step in steps:
            side = -(-side_px // step)
            per_cm = 10_000 / (MPP * step)
            writer.write(
                _tiles(_halved(texture, step), outline, (side, tile_px), step),
                shape=(side, side, 3),
                dtype=np.uint8,
                tile=(tile_px, tile_px),
                photometric="ycbcr",
                subsampling=(2, 2),
                compression="jpeg",
                resolution=(per_cm, per_cm),
                resolutionunit="centimeter",
                subfiletype=1 if step > 1 else 0,
                metadata=None,
            )
    return path


def _tiles(texture: Image, outline: Image, sides_px: tuple[int, int], step: int) -> Iterator[bytes]:
    import simplejpeg

    side, tile_px = sides_px
    inside: dict[tuple[int, int], bytes] = {}
    glass = _glass(tile_px)
    period = len(texture)

    def encoded(pixels: Image) -> bytes:
        data: bytes = simplejpeg.encode_jpeg(
            np.ascontiguousarray(pixels), quality=QUALITY, colorsubsampling="420"
        )
        return data

    empty = encoded(glass)
    span = np.arange(tile_px)
    for top in range(0, side, tile_px):
        rows, cells_down = (top + span) % period, (top + span) * step // _CELL_PX
        cells_down = np.minimum(cells_down, len(outline) - 1)
        for left in range(0, side, tile_px):
            columns, cells_across = (left + span) % period, (left + span) * step // _CELL_PX
            cells_across = np.minimum(cells_across, len(outline) - 1)
            tissue = outline[np.ix_(cells_down, cells_across)]
            phase = (int(rows[0]), int(columns[0]))
            if not tissue.any():
                yield empty
            elif tissue.all():
                if phase not in inside:
                    inside[phase] = encoded(texture[np.ix_(rows, columns)])
                yield inside[phase]
            else:
                yield encoded(np.where(tissue[..., None], texture[np.ix_(rows, columns)], glass))


def _texture(rng: np.random.Generator) -> Image:
    """Return tissue in the colours of haematoxylin and eosin, as rough as scanned tissue is."""
    from scipy.ndimage import gaussian_filter, zoom

    def cloud(sigma: float) -> Image:
        """Noise that repeats without an edge, drawn small where it is smooth anyway."""
        shrink = 2 ** max(0, int(np.log2(sigma / 2)))
        noise = rng.standard_normal((_TEXTURE_PX // shrink,) * 2).astype(np.float32)
        noise = gaussian_filter(noise, sigma / shrink, mode="wrap")
        smooth = zoom(noise, shrink, order=1, mode="grid-wrap", grid_mode=True) if shrink > 1 else noise
        return np.asarray(smooth / smooth.std(), dtype=np.float32)

    eosin = np.clip(0.35 + 0.12 * cloud(40) + 0.08 * cloud(4) + 0.04 * cloud(1.5), 0.05, 1.2)
    nuclei = np.clip(cloud(7) - 1.1, 0, 1) * (0.9 + 0.2 * cloud(2))
    pink, blue = np.array([[0.2, 1.0, 0.35], [1.2, 1.3, 0.6]], dtype=np.float32)
    density = eosin[..., None] * pink + nuclei[..., None] * blue
    grain = 1.5 * rng.standard_normal(density.shape, dtype=np.float32)
    return np.asarray(np.clip(244 * np.exp(-density) + grain, 0, 255), dtype=np.uint8)


def _outline(side_px: int, rng: np.random.Generator) -> Image:
    """Return cells of tissue: a few large pieces, as on a glass."""
    from scipy.ndimage import gaussian_filter

    cells = -(-side_px // _CELL_PX)
    heights = gaussian_filter(rng.standard_normal((cells, cells)), cells / 12)
    return np.asarray(heights > np.quantile(heights, 1 - SHARE_OF_TISSUE))


def _glass(side_px: int) -> Image:
    noise = np.random.default_rng(0).normal(0, 1.0, (side_px, side_px, 3))
    return np.asarray(np.clip(243 + noise, 0, 255), dtype=np.uint8)


def _halved(texture: Image, step: int) -> Image:
    side = len(texture) // step
    blocks = texture.reshape(side, step, side, step, 3)
    return np.asarray(blocks.mean(axis=(1, 3), dtype=np.float32).round(), dtype=np.uint8)
