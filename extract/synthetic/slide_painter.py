"""A synthetic slide that looks like haematoxylin and eosin: stroma, glands, tumour, glass, sometimes a pen.

Enters: burden and grade of one slide and a random stream. Leaves: RGB pixels at 0.5 um/px and the layout
that they show. Painted as stain concentrations, turned into colour by Beer-Lambert; the stain vectors and
their strength differ from slide to slide (the batch nuisance), the tumour does not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

from extract.synthetic.nuclei import NucleusKind, paint_sprites, scatter, stamp
from extract.synthetic.slide_layout import CELL_UM, SlideLayout, draw_layout, smooth_noise
from extract.synthetic.tumour import SlidePlan

PAINT_MPP = 0.5
CELL_PX = int(CELL_UM / PAINT_MPP)
SLIDE_CELLS = 96
#: Optical density of one unit of stain in R, G, B (Macenko 2009, doi:10.1109/ISBI.2009.5193250).
HAEMATOXYLIN = (0.5626, 0.7201, 0.4062)
EOSIN = (0.2159, 0.8012, 0.5581)
STAIN_TURN_SD = 0.025
STAIN_STRENGTH_SD = 0.05
GLASS_DENSITY = 0.045
PEN_SHARE = 0.2
PEN_COLOURS = ((1.6, 1.2, 0.35), (1.5, 0.45, 1.1), (1.7, 1.6, 1.5))

STROMA = NucleusKind(radius_px=5.0, pleomorphism=0.12, elongation=2.6, darkness=0.95, darkness_sd=0.12)
EPITHELIUM = NucleusKind(radius_px=6.2, pleomorphism=0.08, elongation=1.25, darkness=0.95, darkness_sd=0.10)
STROMA_PITCH_PX, GLAND_PITCH_PX, TUMOUR_PITCH_PX, ACINUS_PITCH_PX = 40.0, 180.0, 23.0, 110.0
#: Glands keep this far from tumour and glass.
GLAND_REACH_CELLS = 4


@dataclass(frozen=True, kw_only=True)
class PaintedSlide:
    """Pixels at `PAINT_MPP` and where tissue and tumour are."""

    rgb: UInt8[np.ndarray, "row column 3"]
    layout: SlideLayout
    has_pen: bool


@dataclass(frozen=True, kw_only=True)
class _Stains:
    haematoxylin: Float[np.ndarray, "row column"]
    eosin: Float[np.ndarray, "row column"]


def paint_slide(plan: SlidePlan, rng: np.random.Generator) -> PaintedSlide:
    """Paint one slide of 768 x 768 um."""
    layout = draw_layout(SLIDE_CELLS, plan.burden, rng)
    stains = _paint_ground(layout, rng)
    benign = layout.tissue & ~layout.tumour
    stamp(
        stains.haematoxylin, paint_sprites(STROMA, rng), scatter(benign, CELL_PX, STROMA_PITCH_PX, rng), rng
    )
    _paint_glands(stains, benign, rng)
    _paint_tumour(stains, layout.tumour, plan.grade, rng)
    density = _paint_density(stains, rng)
    has_pen = bool(rng.random() < PEN_SHARE)
    if has_pen:
        _draw_pen(density, layout.tissue, rng)
    rgb = np.exp(-density, out=density)
    rgb *= 255.0
    return PaintedSlide(rgb=rgb.astype(np.uint8), layout=layout, has_pen=has_pen)


def _paint_ground(layout: SlideLayout, rng: np.random.Generator) -> _Stains:
    tissue = _enlarged(layout.tissue)
    tumour = _enlarged(layout.tumour)
    fibres = _fibres(layout.tissue.shape[0] * CELL_PX, rng)
    patches = _resized(
        smooth_noise(SLIDE_CELLS, 3.0, rng).astype(np.float32), layout.tissue.shape[0] * CELL_PX
    )
    eosin = tissue * np.clip(
        0.50 + 0.13 * fibres * (1.0 - 0.6 * tumour) + 0.05 * patches - 0.12 * tumour, 0.1, 1
    )
    haematoxylin = tissue * np.clip(0.08 + 0.02 * fibres + 0.08 * tumour, 0.0, 1)
    return _Stains(haematoxylin=haematoxylin, eosin=eosin)


def _fibres(side_px: int, rng: np.random.Generator) -> Float[np.ndarray, "row column"]:
    """Return collagen: waves along one direction that bend with a slow field, plus grain; about sd 1."""
    slow = _resized(smooth_noise(SLIDE_CELLS, 7.0, rng).astype(np.float32), side_px)
    grain = smooth_noise(side_px // 2, 1.1, rng)
    angle = rng.uniform(0, np.pi)
    axis = np.arange(side_px, dtype=np.float32)
    across = (axis[None, :] * np.float32(np.cos(angle)) + axis[:, None] * np.float32(np.sin(angle))) / 7.0
    waves = np.sin(across + 14.0 * slow)
    fibres: Float[np.ndarray, "row column"] = 0.45 * waves + 0.9 * _resized(grain.astype(np.float32), side_px)
    return fibres


def _paint_glands(stains: _Stains, benign: Bool[np.ndarray, "row column"], rng: np.random.Generator) -> None:
    """Cut pale lumens into benign tissue and line them with one row of round nuclei."""
    from scipy.ndimage import binary_erosion

    deep = np.asarray(binary_erosion(benign, iterations=GLAND_REACH_CELLS))
    rims = [
        _paint_lumen(stains, (x, y), rng.uniform(24.0, 50.0), rng)
        for x, y in scatter(deep, CELL_PX, GLAND_PITCH_PX, rng).tolist()
    ]
    if rims:
        stamp(stains.haematoxylin, paint_sprites(EPITHELIUM, rng), np.concatenate(rims), rng)


def _paint_lumen(
    stains: _Stains, centre: tuple[int, int], radius_px: float, rng: np.random.Generator
) -> np.ndarray:
    """Cut one lumen with a wavy wall; return the places (x, y) of the nuclei around it."""
    wall = _draw_wall(radius_px, rng)
    reach = int(radius_px * 1.4 + 24)
    x0, y0 = centre[0] - reach, centre[1] - reach
    height, width = stains.eosin.shape
    if x0 < 0 or y0 < 0 or centre[0] + reach >= width or centre[1] + reach >= height:
        return np.empty((0, 2), dtype=np.int64)
    axis = np.arange(-reach, reach + 1, dtype=np.float32)
    angle = np.arctan2(axis[:, None], axis[None, :])
    outside = np.hypot(axis[:, None], axis[None, :]) - wall(angle)
    window = np.s_[y0 : y0 + 2 * reach + 1, x0 : x0 + 2 * reach + 1]
    open_space = np.clip(outside / 3.0 + 0.5, 0.04, 1.0)
    epithelium = np.clip(1.0 - np.abs(outside - 10.0) / 12.0, 0.0, 1.0)
    stains.haematoxylin[window] *= np.clip(outside / 8.0 - 1.5, 0.0, 1.0)
    stains.haematoxylin[window] += 0.16 * epithelium
    stains.eosin[window] *= open_space
    number = int(2 * np.pi * radius_px / 13.5)
    turn = np.linspace(0, 2 * np.pi, number, endpoint=False) + rng.normal(0, 0.03, number)
    ring = wall(turn) + 12.0 + rng.normal(0, 1.5, number)
    points = np.stack([centre[0] + ring * np.cos(turn), centre[1] + ring * np.sin(turn)], axis=1)
    return points.astype(np.int64)


def _draw_wall(radius_px: float, rng: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    """Return the wall's distance from the centre as a function of the angle: oval, with a few folds."""
    waves = np.array([2, 3, int(rng.integers(4, 8))])
    sizes = np.abs(rng.normal(0.0, (0.14, 0.07, 0.05)))
    phases = rng.uniform(0, 2 * np.pi, 3)

    def wall(angle: np.ndarray) -> np.ndarray:
        folds = sum(size * np.sin(n * angle + at) for n, size, at in zip(waves, sizes, phases, strict=True))
        return np.asarray(radius_px * (1.0 + np.clip(folds, -0.4, 0.4)))

    return wall


def _paint_tumour(
    stains: _Stains, tumour: Bool[np.ndarray, "row column"], grade: float, rng: np.random.Generator
) -> None:
    """Fill the foci with crowded nuclei; the grade makes them larger, darker and less alike."""
    kind = NucleusKind(
        radius_px=6.6 + 3.6 * grade,
        pleomorphism=0.08 + 0.20 * grade,
        elongation=1.3,
        darkness=0.95 + 0.55 * grade,
        darkness_sd=0.10 + 0.10 * grade,
    )
    for x, y in scatter(tumour, CELL_PX, ACINUS_PITCH_PX, rng).tolist():
        if rng.random() > grade:
            _paint_lumen(stains, (x, y), rng.uniform(7.0, 12.0), rng)
    stamp(stains.haematoxylin, paint_sprites(kind, rng), scatter(tumour, CELL_PX, TUMOUR_PITCH_PX, rng), rng)


def _paint_density(stains: _Stains, rng: np.random.Generator) -> Float[np.ndarray, "row column 3"]:
    """Turn concentrations into optical density with this slide's own stain vectors (Beer-Lambert)."""
    vectors = np.array([HAEMATOXYLIN, EOSIN]) + STAIN_TURN_SD * rng.standard_normal((2, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors *= np.exp(STAIN_STRENGTH_SD * rng.standard_normal((2, 1)))
    glass = GLASS_DENSITY + 0.012 * rng.standard_normal(3)
    density = np.empty((*stains.eosin.shape, 3), dtype=np.float32)
    for channel in range(3):
        np.multiply(stains.haematoxylin, np.float32(vectors[0, channel]), out=density[..., channel])
        density[..., channel] += np.float32(vectors[1, channel]) * stains.eosin + np.float32(glass[channel])
    return density


def _draw_pen(
    density: Float[np.ndarray, "row column 3"],
    tissue: Bool[np.ndarray, "row column"],
    rng: np.random.Generator,
) -> None:
    """Draw one felt-tip stroke near an edge, on glass only, in place."""
    side = tissue.shape[0]
    start, bend = rng.uniform(0.02, 0.07), rng.uniform(0.02, 0.06)
    axis = (np.arange(side) + 0.5) / side
    course = start + bend * np.sin(np.pi * axis * rng.uniform(0.8, 1.6))
    stroke = np.clip(2.5 - np.abs(axis[:, None] - course[None, :]) * side, 0.0, 1.0)
    stroke *= (axis > rng.uniform(0.05, 0.3)) & (axis < rng.uniform(0.6, 0.95))
    stroke = np.rot90(stroke, int(rng.integers(4))) * ~tissue
    ink = _resized(stroke.astype(np.float32), density.shape[0])
    colour = np.array(PEN_COLOURS[rng.integers(len(PEN_COLOURS))], dtype=np.float32)
    density += ink[..., None] * colour


def _enlarged(mask: Bool[np.ndarray, "row column"]) -> Float[np.ndarray, "row column"]:
    """Return the mask in paint pixels, 0 to 1, with a rim some 4 um wide."""
    return np.clip((_resized(mask.astype(np.float32), mask.shape[0] * CELL_PX) - 0.5) * 2.0 + 0.5, 0.0, 1.0)


def _resized(plane: Float[np.ndarray, "row column"], side_px: int) -> Float[np.ndarray, "row column"]:
    from PIL import Image

    resized = Image.fromarray(plane).resize((side_px, side_px), Image.Resampling.BILINEAR)
    return np.array(resized, dtype=np.float32)
