from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from extract.synthetic.lesion import draw_lesion
from extract.synthetic.mha import Grid, write_mha
from extract.synthetic.prostate_mri import paint_study
from extract.synthetic.scar import AREA_PX, draw_scar, paint_scar
from extract.synthetic.streams import stream
from extract.volumes.nifti_writer import write_nifti


def study(written: Any, case_id: str, suffix: str) -> Path:
    return written.root / "radiology" / "images" / case_id / f"{case_id}_0001_{suffix}.mha"


def test_simpleitk_reads_grid_and_voxels_as_written(tmp_path: Path) -> None:
    sitk = pytest.importorskip("SimpleITK")
    angle = 0.3
    direction = np.array(
        [[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]], dtype=float
    )
    grid = Grid(
        size=(3, 4, 2),
        spacing_mm=(0.5, 0.7, 3.0),
        origin_lps_mm=np.array([1.0, -2.0, 3.5]),
        direction=direction,
    )
    voxels = np.arange(24, dtype=np.int16).reshape(2, 4, 3) - 5
    write_mha(tmp_path / "a.mha", voxels, grid)
    image = sitk.ReadImage(tmp_path / "a.mha")
    assert np.array_equal(sitk.GetArrayFromImage(image), voxels)
    assert image.GetSpacing() == (0.5, 0.7, 3.0)
    np.testing.assert_allclose(image.GetDirection(), direction.ravel(), atol=1e-9)
    place = grid.positions_lps_mm()[1, 3, 2]
    np.testing.assert_allclose(image.TransformIndexToPhysicalPoint((2, 3, 1)), place, atol=1e-6)


def test_series_lie_on_differing_grids_and_show_the_lesion_of_the_truth(chimera: Any) -> None:
    sitk = pytest.importorskip("SimpleITK")
    masks_off = 0
    for case_id, lesion in chimera.truth["lesions"].items():
        t2w, adc, hbv, mask = (
            sitk.ReadImage(study(chimera, case_id, suffix)) for suffix in ("t2w", "adc", "hbv", "mask")
        )
        assert t2w.GetSize() == mask.GetSize() != adc.GetSize() == hbv.GetSize()
        assert t2w.GetOrigin() != adc.GetOrigin()
        turned = np.abs(np.subtract(t2w.GetDirection(), mask.GetDirection())).max()
        assert turned < 1e-3
        masks_off += turned > 1e-4
        x, y, z = lesion["centre_ras_mm"]
        values = sitk.GetArrayFromImage(adc)
        gland = (
            sitk.GetArrayFromImage(sitk.Resample(mask, adc, sitk.Transform(), sitk.sitkNearestNeighbor, 0))
            > 0
        )
        assert 600 < np.median(values[gland]) < 2200
        centre = values[adc.TransformPhysicalPointToIndex((-x, -y, z))[::-1]]
        assert centre < np.quantile(values[gland], 0.1)
        bright = sitk.GetArrayFromImage(hbv)
        assert bright[hbv.TransformPhysicalPointToIndex((-x, -y, z))[::-1]] > np.quantile(bright[gland], 0.9)
    assert 0 < masks_off < len(chimera.truth["lesions"])


def test_low_adc_volume_grows_with_the_reading() -> None:
    z, volume = [], []
    for number in range(24):
        lesion = draw_lesion(stream(2, "lesion", number))
        adc = paint_study(lesion, stream(2, "mri", number)).volumes["adc"].voxels.astype(float)
        z.append(lesion.reading.z)
        volume.append(np.log(np.sum(np.clip(1100.0 - adc, 0, None)[3:-3, 12:36, 12:36])))
    assert np.corrcoef(z, volume)[0, 1] > 0.8


def test_nibabel_reads_what_was_written(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    voxels = np.random.default_rng(0).random((4, 5, 3)).astype(np.float32)
    affine = np.diag([-1.0, -1.0, 1.0, 1.0])
    write_nifti(tmp_path / "a.nii.gz", voxels, affine)
    image = nibabel.load(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(image.affine, affine)
    np.testing.assert_array_equal(image.get_fdata(dtype=np.float32), voxels)
    assert image.header.get_zooms() == (1.0, 1.0, 1.0)


def test_the_scar_mask_holds_exactly_the_area_of_the_table() -> None:
    for number in range(8):
        scar = draw_scar(stream(6, "scar", number))
        volumes = paint_scar(scar, stream(6, "paint", number))
        assert set(np.unique(volumes.mask)) <= {0.0, 1.0}
        assert volumes.mask.sum() == scar.pixels
        assert scar.area == pytest.approx(scar.pixels / AREA_PX)
        assert volumes.image.dtype == np.float32
        assert len(np.unique(volumes.image)) <= 221
        assert volumes.image[volumes.mask == 1].mean() > volumes.image[volumes.mask == 0].mean() + 0.2
