"""Nuclei of a synthetic slide: small dark ellipses, painted once and stamped many times.

Enters: size, darkness and variety of a population of nuclei; where to put them. Leaves: haematoxylin added
to a plane of concentrations. Stamping takes slices, so 3,000 nuclei cost some 20 ms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

SPRITES = 40


@dataclass(frozen=True, kw_only=True)
class NucleusKind:
    """One population: mean radius (px), its relative sd, how drawn out, haematoxylin and its sd."""

    radius_px: float
    pleomorphism: float
    elongation: float
    darkness: float
    darkness_sd: float


def paint_sprites(kind: NucleusKind, rng: np.random.Generator) -> list[Float[np.ndarray, "side side"]]:
    """Paint a bank of nuclei of one kind: ellipses with a soft rim, coarse chromatin and random turn."""
    sprites = []
    for _ in range(SPRITES):
        radius = kind.radius_px * np.clip(1.0 + kind.pleomorphism * rng.standard_normal(), 0.6, 1.8)
        stretch = np.sqrt(kind.elongation * rng.uniform(0.85, 1.25))
        half = int(np.ceil(radius * max(stretch, 1 / stretch))) + 1
        axis = np.arange(-half, half + 1, dtype=np.float32)
        angle = rng.uniform(0, np.pi)
        along = axis[None, :] * np.cos(angle) + axis[:, None] * np.sin(angle)
        across = axis[:, None] * np.cos(angle) - axis[None, :] * np.sin(angle)
        distance = np.hypot(along / (radius * stretch), across * stretch / radius)
        chromatin = 1.0 + 0.16 * rng.standard_normal(distance.shape)
        depth = max(kind.darkness + kind.darkness_sd * rng.standard_normal(), 0.3)
        body = np.clip((1.0 - distance) * radius / 1.6, 0.0, 1.0) * (0.82 + 0.18 * distance**2)
        sprites.append((depth * body * chromatin).astype(np.float32))
    return sprites


def stamp(
    plane: Float[np.ndarray, "row column"],
    sprites: list[Float[np.ndarray, "side side"]],
    xy_px: Int[np.ndarray, "nucleus 2"],
    rng: np.random.Generator,
) -> None:
    """Lay a random sprite on every position, in place; the darker of sprite and plane stays.

    Positions whose sprite would leave the plane are left out.
    """
    choice = rng.integers(len(sprites), size=len(xy_px))
    height, width = plane.shape
    for (x, y), index in zip(xy_px.tolist(), choice.tolist(), strict=True):
        sprite = sprites[index]
        half = sprite.shape[0] // 2
        if x < half or y < half or x + half >= width or y + half >= height:
            continue
        view = plane[y - half : y + half + 1, x - half : x + half + 1]
        np.maximum(view, sprite, out=view)


def scatter(
    mask: Bool[np.ndarray, "row column"], cell_px: int, pitch_px: float, rng: np.random.Generator
) -> Int[np.ndarray, "point 2"]:
    """Return the points (x, y) of a shaken grid of `pitch_px` on the mask (one cell = `cell_px`)."""
    height, width = (length * cell_px for length in mask.shape)
    row, column = np.mgrid[0 : int(height / pitch_px), 0 : int(width / pitch_px)]
    grid = np.stack([column.ravel(), row.ravel()], axis=1) + 0.5
    points = ((grid + rng.uniform(-0.42, 0.42, size=grid.shape)) * pitch_px).astype(np.int64)
    points = np.clip(points, 0, [width - 1, height - 1])
    inside = mask[points[:, 1] // cell_px, points[:, 0] // cell_px]
    return np.asarray(points[inside])
