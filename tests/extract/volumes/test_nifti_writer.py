"""Labels as NIfTI: what was written is what nibabel and Braid's own reader read, on the same grid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from extract.volumes.header import open_volume
from extract.volumes.nifti_writer import write_nifti
from extract.volumes.reader import read_labels
from tests.extract.volumes.files import grid_of


def test_labels_come_back_on_their_grid(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    grid = grid_of((5, 4, 3), (0.5, 0.6, 3.0), (10, 5, -3))
    labels = np.random.default_rng(0).integers(0, 4, grid.size).astype(np.uint8)
    write_nifti(tmp_path / "m.nii.gz", labels, grid.affine)
    image = nibabel.load(tmp_path / "m.nii.gz")
    assert image.get_data_dtype() == np.uint8
    np.testing.assert_array_equal(np.asanyarray(image.dataobj), labels)
    np.testing.assert_allclose(image.affine, grid.affine, atol=1e-5)
    stored = open_volume(tmp_path / "m.nii.gz", "m", "label")
    np.testing.assert_array_equal(read_labels(stored, "m"), labels)
    np.testing.assert_allclose(stored.affine, grid.affine, atol=1e-5)


def test_the_same_labels_give_the_same_bytes(tmp_path: Path) -> None:
    labels = np.eye(3, dtype=np.uint8)[..., None]
    for name in ("a.nii.gz", "b.nii.gz"):
        write_nifti(tmp_path / name, labels, np.eye(4))
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()
