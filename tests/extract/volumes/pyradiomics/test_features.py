"""The 107 against PyRadiomics 3.0.1: kept values of a small region, and live where it is installed.

reference.json holds what `oracle.py` gave for `phantom.py` with bins of width 7 and with 12 bins, PyRadiomics
3.0.1 built from its source distribution (numpy 2.4, Python 3.11). To compare live:

    pip install numpy setuptools wheel versioneer cython SimpleITK PyWavelets pykwalify six docopt
    pip install --no-build-isolation pyradiomics==3.0.1      # in an environment of its own, with a C compiler
    BRAID_PYRADIOMICS_PYTHON=<its python> pytest tests/extract/volumes/pyradiomics
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from extract.volumes.pyradiomics.features import PYRADIOMICS, pyradiomics_features
from extract.volumes.pyradiomics.levels import levels_between_edges, levels_from_zero
from tests.extract.volumes.pyradiomics import phantom

HERE = Path(__file__).parent
REFERENCE: dict[str, dict[str, float]] = json.loads((HERE / "reference.json").read_text(encoding="utf-8"))
BINS = {"width 7": {"width": 7.0}, "count 12": {"count": 12}}


def measure(
    voxels: np.ndarray, mask: np.ndarray, spacing: tuple[float, ...], **bins: float
) -> dict[str, float]:
    values = voxels[mask].astype(np.float64)
    width = bins.get("width")
    levels = (
        levels_between_edges(values, int(bins["count"])) if width is None else levels_from_zero(values, width)
    )
    measured = pyradiomics_features(mask, values, levels, np.diag(spacing), mask)
    return dict(zip(PYRADIOMICS, map(float, measured), strict=True))


@pytest.mark.parametrize("bins", BINS)
def test_the_107_are_those_of_pyradiomics(bins: str) -> None:
    got = measure(phantom.VOXELS, phantom.REGION, phantom.SPACING, **BINS[bins])
    assert len(PYRADIOMICS) == 107
    assert set(got) == set(REFERENCE[bins])
    assert got == pytest.approx(REFERENCE[bins], rel=1e-9, abs=1e-12)


def live(
    folder: Path, voxels: np.ndarray, mask: np.ndarray, spacing: tuple[float, ...], **bins: float
) -> dict[str, float]:
    python = os.environ.get("BRAID_PYRADIOMICS_PYTHON")
    if not python:
        pytest.skip("BRAID_PYRADIOMICS_PYTHON names no Python with PyRadiomics 3.0.1")
    np.savez(folder / "in.npz", voxels=voxels, mask=mask, spacing=np.array(spacing), **bins)
    subprocess.run([python, HERE / "oracle.py", folder / "in.npz", folder / "out.json"], check=True)
    told = json.loads((folder / "out.json").read_text(encoding="utf-8"))
    features: dict[str, float] = told["features"]
    return features


@pytest.mark.parametrize("bins", BINS)
def test_kept_values_are_what_pyradiomics_still_says(tmp_path: Path, bins: str) -> None:
    said = live(tmp_path, phantom.VOXELS, phantom.REGION, phantom.SPACING, **BINS[bins])
    assert said == pytest.approx(REFERENCE[bins], rel=1e-12)


@pytest.mark.parametrize("bins", [{"width": 7.0}, {"count": 8}])
def test_equal_intensities_have_the_numbers_that_pyradiomics_chose(
    tmp_path: Path, bins: dict[str, float]
) -> None:
    flat = np.full(phantom.SIZE, 40, dtype=np.float32)
    said = live(tmp_path, flat, phantom.REGION, phantom.SPACING, **bins)
    assert measure(flat, phantom.REGION, phantom.SPACING, **bins) == pytest.approx(said, rel=1e-9, abs=1e-9)


def test_loose_voxels_differ_in_their_surface_alone(tmp_path: Path) -> None:
    """Half of all voxels by chance: texture is the same; meshes join voxels that touch at edges otherwise."""
    mask = np.random.default_rng(0).random(phantom.SIZE) < 0.5
    said = live(tmp_path, phantom.VOXELS, mask, phantom.SPACING, width=25.0)
    got = measure(phantom.VOXELS, mask, phantom.SPACING, width=25.0)
    off = {name for name in PYRADIOMICS if got[name] != pytest.approx(said[name], rel=1e-9, abs=1e-9)}
    of_surface = ("MeshVolume", "SurfaceArea", "SurfaceVolumeRatio", "Sphericity")
    assert off == {f"original_shape_{name}" for name in of_surface}


def test_a_real_gland(tmp_path: Path, shared_data: Path) -> None:
    folder = shared_data / "volumes/prostatex"
    case = "ProstateX-0000"
    scan = nib.load(folder / case / f"{case}_t2w.nii.gz")
    label = folder / "picai_labels" / case / f"{case}_11373_1001396_whole_gland_AI_Guerbet23.nii.gz"
    voxels, mask = np.asarray(scan.dataobj, dtype=np.float32), np.asarray(nib.load(label).dataobj) > 0
    spacing = tuple(map(float, scan.header.get_zooms()))
    assert mask.sum() == 57_557
    for bins in ({"width": 25.0}, {"count": 32}):
        said = live(tmp_path, voxels, mask, spacing, **bins)
        assert measure(voxels, mask, spacing, **bins) == pytest.approx(said, rel=1e-8)


def test_where_a_formula_is_undefined_the_numbers_are_those_that_pyradiomics_documents() -> None:
    got = measure(np.full(phantom.SIZE, 40, dtype=np.float32), phantom.REGION, phantom.SPACING, width=25.0)
    assert (got["original_glcm_Correlation"], got["original_glcm_MCC"], got["original_glcm_Imc1"]) == (
        1,
        1,
        0,
    )
    assert (got["original_ngtdm_Coarseness"], got["original_ngtdm_Strength"]) == (1e6, 0)
    assert (got["original_firstorder_Skewness"], got["original_firstorder_Kurtosis"]) == (0, 0)


def test_what_has_no_spacing_has_no_shape() -> None:
    values = phantom.VOXELS[phantom.REGION].astype(np.float64)
    measured = pyradiomics_features(
        phantom.REGION, values, levels_from_zero(values, 25), None, phantom.REGION
    )
    unknown = {name for name, value in zip(PYRADIOMICS, measured, strict=True) if np.isnan(value)}
    shape = {name for name in PYRADIOMICS if name.startswith("original_shape_")}
    assert unknown == shape | {"original_firstorder_TotalEnergy"}


def test_a_single_voxel_has_no_pairs_and_no_axes() -> None:
    mask = np.zeros((3, 3, 3), dtype=bool)
    mask[1, 1, 1] = True
    got = measure(np.full((3, 3, 3), 9, dtype=np.float32), mask, (1.0, 1.0, 1.0), width=25.0)
    unknown = {name for name, value in got.items() if np.isnan(value)}
    assert all(
        "_glcm_" in name or "Axis" in name or "Elongation" in name or "Flatness" in name for name in unknown
    )
    assert sum("_glcm_" in name for name in unknown) == 24
