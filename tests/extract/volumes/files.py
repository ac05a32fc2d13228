"""Volumes on disk for tests, written by the libraries that Braid does not read them with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from extract.volumes.geometry import VoxelGrid

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def turned(degrees: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> np.ndarray[Any, Any]:
    """A rotation about x, then y, then z."""
    product = np.eye(3)
    for axis, angle in enumerate(np.deg2rad(degrees)):
        turn = np.eye(3)
        i, j = sorted({0, 1, 2} - {axis})
        turn[i, i] = turn[j, j] = np.cos(angle)
        turn[i, j], turn[j, i] = -np.sin(angle), np.sin(angle)
        product = turn @ product
    return product


def grid_of(
    size: tuple[int, int, int],
    spacing: tuple[float, float, float] = (0.5, 0.6, 3.0),
    degrees: tuple[float, float, float] = (0.0, 0.0, 0.0),
    origin: tuple[float, float, float] = (-10.0, 20.0, 5.0),
) -> VoxelGrid:
    affine = np.eye(4)
    affine[:3, :3] = turned(degrees) * np.array(spacing)
    affine[:3, 3] = origin
    return VoxelGrid(size=size, affine=affine)


def write_nifti(path: Path, voxels: np.ndarray[Any, Any], affine: np.ndarray[Any, Any]) -> Path:
    nibabel = pytest.importorskip("nibabel", reason="the oracle for NIfTI is not installed (extra mri)")
    image = nibabel.Nifti1Image(voxels, affine)
    image.set_sform(affine, code=1)
    image.set_qform(None, code=0)
    nibabel.save(image, path)
    return path


def as_sitk(voxels: np.ndarray[Any, Any], affine: np.ndarray[Any, Any]) -> Any:
    sitk = pytest.importorskip("SimpleITK", reason="the oracle for MetaImage is not installed (extra mri)")
    image = sitk.GetImageFromArray(np.ascontiguousarray(voxels.T))
    lps = LPS_TO_RAS @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    return image


def write_mha(
    path: Path, voxels: np.ndarray[Any, Any], affine: np.ndarray[Any, Any], *, compressed: bool = False
) -> Path:
    image = as_sitk(voxels, affine)
    sitk = pytest.importorskip("SimpleITK")
    sitk.WriteImage(image, path, useCompression=compressed)
    return path
