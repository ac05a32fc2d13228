"""Cines with known end diastole and end systole, made of two real frames of a heart.

Enters: the copies of ACDC in ../shared/data, two frames a patient. Leaves: cines of any number of frames: one
frame deformed smoothly into the other (diffeomorphic demons, images alone) along the volume curve of a heart,
blended, with noise. The answer is the curve's: no label is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32
from scipy import ndimage

DATA = Path(__file__).parents[3] / "shared/data/volumes/acdc"
#: ACDC by its order: two patients a group.
GROUPS = {"001": "DCM", "002": "DCM", "021": "HCM", "022": "HCM", "041": "MINF", "042": "MINF",
          "061": "NOR", "062": "NOR", "081": "RV", "082": "RV"}  # fmt: skip

Frame = Float32[np.ndarray, "x y z"]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """The two files of a patient, end diastole first."""

    patient: str
    diastole: Path
    systole: Path

    @property
    def frames(self) -> tuple[int, int]:
        """The numbers of both frames in the whole cine."""
        first, second = (int(path.stem.split("_frame")[1]) for path in (self.diastole, self.systole))
        return first, second


def pairs(data: Path = DATA) -> list[Pair]:
    """Return the patients in the order of their numbers."""
    found = []
    for patient in GROUPS:
        diastole, systole = sorted(data.glob(f"patient{patient}_frame*.h5"))
        found.append(Pair(patient=patient, diastole=diastole, systole=systole))
    return found


def read_image(path: Path) -> Frame:
    """Read the image of a file, and nothing else of it."""
    import h5py

    with h5py.File(path, "r") as file:
        return np.asarray(file["image"][()], dtype=np.float32).T


def emptied(frames: int, start: int) -> Float[np.ndarray, " time"]:
    """Return how far a ventricle is emptied in each frame, 0 at end diastole and 1 at end systole.

    Ejection for 35 % of the beat, three quarters filled again by 65 %, rest, and the atrium's last push from
    90 % on. The beat begins at frame `start`.
    """
    phase = ((np.arange(frames) - start) % frames) / frames
    return np.interp(phase, (0, 0.08, 0.22, 0.35, 0.45, 0.65, 0.9, 1), (0, 0.2, 0.75, 1, 0.7, 0.25, 0.2, 0))


def displacement(diastole: Frame, systole: Frame) -> Float[np.ndarray, "3 x y z"]:
    """Return u (voxels) with systole(p) = diastole(p + u(p)), found on the images by demons."""
    import SimpleITK as sitk  # noqa: N813

    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    fixed, moving = (
        sitk.GetImageFromArray(ndimage.gaussian_filter(one, (1, 1, 0)).T) for one in (systole, diastole)
    )
    demons = sitk.DiffeomorphicDemonsRegistrationFilter()
    demons.SetNumberOfIterations(60)
    demons.SetSmoothDisplacementField(True)
    demons.SetStandardDeviations((2.0, 2.0, 0.5))
    field: Any = sitk.GetArrayFromImage(demons.Execute(fixed, moving))
    return np.ascontiguousarray(field.T.astype(np.float64))


def beat(
    pair: Pair, frames: int, start: int, noise: float, field: Float[np.ndarray, "3 x y z"] | None = None
) -> Float32[np.ndarray, "time x y z"]:
    """Return a cine of a patient; `noise` is the standard deviation added to images in [0, 1]."""
    diastole, systole = read_image(pair.diastole), read_image(pair.systole)
    moved = displacement(diastole, systole) if field is None else field
    generator = np.random.default_rng(int(pair.patient) + 1000 * frames + start)
    return np.stack(
        [
            frame + generator.normal(0, noise, frame.shape).astype(np.float32)
            for frame in _between(diastole, systole, moved, emptied(frames, start))
        ]
    )


def _between(
    diastole: Frame,
    systole: Frame,
    field: Float[np.ndarray, "3 x y z"],
    shares: Float[np.ndarray, " time"],
) -> Iterator[Frame]:
    places = np.indices(diastole.shape).astype(np.float64)
    for share in shares:
        ahead = ndimage.map_coordinates(diastole, places + share * field, order=1, mode="nearest")
        back = ndimage.map_coordinates(systole, places - (1 - share) * field, order=1, mode="nearest")
        yield ((1 - share) * ahead + share * back).astype(np.float32)
