"""A pelvis that is a function of place: the same tissues in four contrasts, on any grid, moved at will."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from extract.volumes.geometry import VoxelGrid
from extract.volumes.registration.rigid import moved, rigid_matrix
from tests.extract.volumes.files import grid_of, write_nifti

T2W = grid_of((56, 56, 18), (1.2, 1.2, 3.0), (0, 12.0, 0), (-33.0, -33.0, -26.0))
EPI = grid_of((36, 36, 18), (2.2, 2.2, 3.2), (0, 0, 0), (-38.0, -38.0, -28.0))
CENTRE = np.array([0.0, 0.0, 0.0])
#: Contrast -> values of: the rest, fat, muscle, bladder, rectum, peripheral zone, transition zone, lesion.
CONTRASTS = {
    "t2w": (300, 900, 180, 1100, 60, 700, 420, 300),
    "adc": (900, 250, 1150, 2600, 0, 1750, 1300, 700),
    "hbv": (20, 5, 15, 8, 2, 30, 38, 75),
    "lowb": (250, 120, 150, 1000, 20, 620, 400, 420),
}
_BODIES = (
    # centre, half axes (mm), tissue
    ((0, 0, 0), (31, 27, 24), 1),
    ((-20, 2, 0), (7, 16, 22), 2),
    ((20, 4, -2), (7, 15, 22), 2),
    ((1, 6, 17), (13, 11, 8), 3),
    ((0, -19, -2), (7, 6, 22), 4),
    ((0, 0, 0), (14, 11, 12), 5),
    ((1, 3, 2), (9, 7, 8), 6),
    ((-7, -5, -3), (3.5, 3, 4), 7),
)
_GLAND = _BODIES[5]


def _inside(places: np.ndarray[Any, Any], body: Any) -> np.ndarray[Any, Any]:
    centre, half, _ = body
    return np.asarray((((places - centre) / half) ** 2).sum(axis=1) < 1)


def _centres(grid: VoxelGrid) -> np.ndarray[Any, Any]:
    return grid.centres(np.argwhere(np.ones(grid.size)))


def gland(grid: VoxelGrid = T2W) -> np.ndarray[Any, Any]:
    return _inside(_centres(grid), _GLAND).reshape(grid.size)


def paint(
    contrast: str, grid: VoxelGrid, six: Any = (0, 0, 0, 0, 0, 0), seed: int = 0
) -> np.ndarray[Any, Any]:
    """Return what a scanner would see of a patient who moved by `six` (see `rigid_matrix`) since T2W."""
    places = moved(_centres(grid), np.linalg.inv(rigid_matrix(np.asarray(six, float), CENTRE)))
    tissue = np.zeros(len(places), dtype=int)
    for body in _BODIES:
        tissue[_inside(places, body)] = body[2]
    values = np.array(CONTRASTS[contrast], dtype=np.float64)[tissue].reshape(grid.size)
    rng = np.random.default_rng(seed)
    return np.maximum(values + rng.normal(0, 0.05 * values.max() / 2, grid.size), 0).astype(np.float32)


def noise(grid: VoxelGrid, seed: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).gamma(4.0, 250.0, grid.size).astype(np.float32)


def write_pelvis(folder: Path, six: Any = (0, 0, 0, 0, 0, 0), lowb: bool = False) -> Path:
    """Write t2w, adc, hbv and the gland's mask, and a low b-value if it is wanted."""
    folder.mkdir(parents=True, exist_ok=True)
    write_nifti(folder / "t2w.nii.gz", paint("t2w", T2W), T2W.affine)
    for seed, contrast in enumerate(("adc", "hbv", *(["lowb"] if lowb else [])), start=1):
        write_nifti(folder / f"{contrast}.nii.gz", paint(contrast, EPI, six, seed), EPI.affine)
    write_nifti(folder / "gland.nii.gz", gland().astype(np.uint8), T2W.affine)
    return folder
