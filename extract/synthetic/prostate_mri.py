"""Prostate MRI of one case: T2W, ADC and a high b-value image on differing grids, and the gland's mask.

Enters: a lesion and a random stream. Leaves: arrays and grids. All sequences show one anatomy given in
patient space, so the grids may be oblique and shifted and the lesion stays where truth.json says it is.
ADC is in 1e-6 mm2/s. A third of the masks carry direction cosines that are off by 2e-4, as real ones do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int16, UInt8

from extract.synthetic.lesion import Lesion
from extract.synthetic.mha import Grid

LPS_FROM_RAS = np.array([-1.0, -1.0, 1.0])
T2W_SIZE, T2W_SPACING_MM = (96, 96, 16), (0.8, 0.8, 3.0)
ECHO_PLANAR_SIZE, ECHO_PLANAR_SPACING_MM = (48, 48, 14), (2.0, 2.0, 3.6)
MASK_COSINE_ERROR = 2e-4
INACCURATE_MASKS = 1 / 3
#: tissue: (T2W, ADC, high b) of muscle and fat around, peripheral zone, transition zone.
AROUND, PERIPHERAL, TRANSITION = (260.0, 1150.0, 34.0), (620.0, 1650.0, 52.0), (400.0, 1320.0, 60.0)
NOISE = (18.0, 70.0, 4.0)


@dataclass(frozen=True, kw_only=True)
class Volume:
    """Voxels (z, y, x) on a grid."""

    voxels: Int16[np.ndarray, "z y x"] | UInt8[np.ndarray, "z y x"]
    grid: Grid


@dataclass(frozen=True, kw_only=True)
class ProstateStudy:
    """The four files of a study by suffix, and the lesion's centre."""

    volumes: dict[str, Volume]
    lesion_centre_ras_mm: tuple[float, float, float]


def paint_study(lesion: Lesion, rng: np.random.Generator) -> ProstateStudy:
    """Paint T2W, ADC, high b and mask around one random position of the patient in the scanner."""
    gland_ras = np.round(rng.normal((0.0, 20.0, -15.0), (3.0, 5.0, 8.0)), 2)
    lesion_ras = gland_ras + np.array(lesion.offset_ras_mm)
    t2w_grid = _grid_around(gland_ras, T2W_SIZE, T2W_SPACING_MM, rng)
    shifted = gland_ras + rng.normal(0.0, 2.0, 3)
    echo_planar_grid = _grid_around(shifted, ECHO_PLANAR_SIZE, ECHO_PLANAR_SPACING_MM, rng)
    scene = _Scene(lesion=lesion, gland_ras_mm=gland_ras, lesion_ras_mm=lesion_ras)
    t2w = scene.paint(t2w_grid, 0, rng)
    adc = scene.paint(echo_planar_grid, 1, rng)
    high_b = scene.paint(echo_planar_grid, 2, rng)
    inside = scene.gland_distance(_positions_ras(t2w_grid)) <= 1.0
    mask = Volume(voxels=inside.astype(np.uint8), grid=_mask_grid(t2w_grid, rng))
    x, y, z = (round(float(value), 3) for value in lesion_ras)
    volumes = {"t2w": t2w, "adc": adc, "hbv": high_b, "mask": mask}
    return ProstateStudy(volumes=volumes, lesion_centre_ras_mm=(x, y, z))


@dataclass(frozen=True, kw_only=True)
class _Scene:
    lesion: Lesion
    gland_ras_mm: Float[np.ndarray, " 3"]
    lesion_ras_mm: Float[np.ndarray, " 3"]

    def gland_distance(self, ras_mm: Float[np.ndarray, "z y x 3"]) -> Float[np.ndarray, "z y x"]:
        """Return 1 on the capsule, less inside."""
        radii = np.array(self.lesion.gland_radii_mm)
        return np.asarray(np.linalg.norm((ras_mm - self.gland_ras_mm) / radii, axis=-1))

    def paint(self, grid: Grid, sequence: int, rng: np.random.Generator) -> Volume:
        """Paint T2W (0), ADC (1) or high b (2) on one grid, with soft borders and noise."""
        ras = _positions_ras(grid)
        gland = _inside(self.gland_distance(ras), 1.0, 0.06)
        anterior = ras - (self.gland_ras_mm + np.array([0.0, 4.0, 0.0]))
        transition = _inside(
            np.linalg.norm(anterior / (0.62 * np.array(self.lesion.gland_radii_mm)), axis=-1), 1.0, 0.08
        )
        signal = AROUND[sequence] + gland * (PERIPHERAL[sequence] - AROUND[sequence])
        signal += transition * (TRANSITION[sequence] - PERIPHERAL[sequence])
        focus = _inside(np.linalg.norm(ras - self.lesion_ras_mm, axis=-1), self.lesion.radius_mm, 0.6)
        loss = (0.6 * self.lesion.contrast, self.lesion.contrast, -2.6 * self.lesion.contrast)[sequence]
        signal *= 1.0 - loss * focus
        signal += NOISE[sequence] * rng.standard_normal(signal.shape)
        return Volume(voxels=np.clip(np.rint(signal), 0, 4095).astype(np.int16), grid=grid)


def _inside(distance: np.ndarray, limit: float, softness: float) -> Float[np.ndarray, "z y x"]:
    return np.asarray(1.0 / (1.0 + np.exp(np.clip((distance - limit) / softness, -40.0, 40.0))))


def _positions_ras(grid: Grid) -> Float[np.ndarray, "z y x 3"]:
    return np.asarray(grid.positions_lps_mm() * LPS_FROM_RAS)


def _grid_around(
    centre_ras_mm: Float[np.ndarray, " 3"],
    size: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
    rng: np.random.Generator,
) -> Grid:
    """Return an oblique grid (some 6 degrees about the left-right axis) with the point in its middle."""
    tilt = np.deg2rad(rng.normal(6.0, 1.5))
    direction = np.array(
        [[1.0, 0.0, 0.0], [0.0, np.cos(tilt), -np.sin(tilt)], [0.0, np.sin(tilt), np.cos(tilt)]]
    )
    middle = (np.array(size) - 1) / 2 * np.array(spacing_mm)
    origin = np.asarray(centre_ras_mm) * LPS_FROM_RAS - direction @ middle
    return Grid(
        size=size,
        spacing_mm=spacing_mm,
        origin_lps_mm=np.round(origin, 4),
        direction=np.round(direction, 8),
    )


def _mask_grid(grid: Grid, rng: np.random.Generator) -> Grid:
    if rng.random() >= INACCURATE_MASKS:
        return grid
    turn = np.array([[1.0, -MASK_COSINE_ERROR, 0.0], [MASK_COSINE_ERROR, 1.0, 0.0], [0.0, 0.0, 1.0]])
    return Grid(
        size=grid.size,
        spacing_mm=grid.spacing_mm,
        origin_lps_mm=grid.origin_lps_mm,
        direction=turn @ grid.direction,
    )
