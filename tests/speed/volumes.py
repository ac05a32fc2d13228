"""What radiomics and a whole weight-free study cost, against PyRadiomics and SimpleITK's read and resample.

Both on ProstateX-0000 (../shared/data), CPU of all threads, least of a few. PyRadiomics 3.0.1 has to be built
in an environment of its own (tests/extract/volumes/pyradiomics/test_features.py says how), whose Python
BRAID_PYRADIOMICS_PYTHON names. What is not here is not measured, and the row says so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np

from extract.encoders.registry import find_encoder
from extract.volumes.pyradiomics.features import pyradiomics_features
from extract.volumes.pyradiomics.levels import levels_from_zero
from extract.volumes.stage import VolumeStage
from feature_cache.canonical import sha256_of_file
from tests.extract.volumes.studies import cohort_of, items_of, mask, series
from tests.measurement import ROOT, Measured, tabulate

FOLDER = ROOT.parent / "shared/data/volumes/prostatex"
CASE = "ProstateX-0000"
SERIES = {name: f"{CASE}/{CASE}_{name}.nii.gz" for name in ("t2w", "adc", "hbv")}
GLAND = f"picai_labels/{CASE}/{CASE}_11373_1001396_whole_gland_AI_Guerbet23.nii.gz"
ORACLE = ROOT / "tests/extract/volumes/pyradiomics/oracle.py"
WIDTH = 25.0
REPEATS = 5


def volume_rows(work: Path) -> list[Measured]:
    """Measure both ratios."""
    return [radiomics_row(work), *study_rows()]


def radiomics_row(work: Path) -> Measured:
    """Compare the CPU of the 107 features of one region with PyRadiomics' own."""
    python = os.environ.get("BRAID_PYRADIOMICS_PYTHON")
    ratio, told = None, "BRAID_PYRADIOMICS_PYTHON names no Python with PyRadiomics 3.0.1"
    if not FOLDER.is_dir():
        told = f"{CASE} is not here"
    elif python:
        ours, theirs, voxels = radiomics_seconds(work, python)
        ratio = ours / theirs
        region = f"gland of {CASE}, {voxels:,} voxels, T2W, bins {WIDTH:g} wide"
        told = f"{region}: {ours:.3f} s and {theirs:.3f} s CPU"
    return Measured(
        name="volumes/pyradiomics107_to_pyradiomics",
        value=ratio,
        unit="x its CPU",
        bar="<= 1.0",
        met=None if ratio is None else ratio <= 1,
        input=told,
    )


def radiomics_seconds(work: Path, python: str) -> tuple[float, float, int]:
    """Return our CPU seconds, PyRadiomics' and the voxels of the region."""
    scan = nib.load(FOLDER / SERIES["t2w"])
    voxels = np.asarray(scan.dataobj, dtype=np.float32)
    region = np.asarray(nib.load(FOLDER / GLAND).dataobj) > 0
    spacing = np.array(scan.header.get_zooms(), dtype=np.float64)
    np.savez(work / "gland.npz", voxels=voxels, mask=region, spacing=spacing, width=WIDTH)
    subprocess.run([python, ORACLE, work / "gland.npz", work / "theirs.json"], check=True)
    theirs = json.loads((work / "theirs.json").read_text(encoding="utf-8"))

    def ours() -> None:
        values = voxels[region].astype(np.float64)
        pyradiomics_features(region, values, levels_from_zero(values, WIDTH), np.diag(spacing), region)

    return cpu_seconds(ours), theirs["cpu_s"], int(region.sum())


def study_rows() -> list[Measured]:
    """Compare the CPU of a study, gland only, of each weight-free encoder with reading and resampling."""
    rows = []
    for encoder in ("first_order_shape", "pyradiomics107", "ibsi_radiomics"):
        assert not find_encoder(encoder).weights_needed
        ratio, told = None, f"{CASE} is not here"
        if FOLDER.is_dir():
            ours, theirs = study_seconds(encoder), cpu_seconds(read_and_resample)
            ratio = ours / theirs
            told = f"{CASE}, T2W, ADC, HBV and gland: {ours:.3f} s and SimpleITK {theirs:.3f} s CPU"
        rows.append(
            Measured(
                name=f"volumes/study_{encoder}",
                value=ratio,
                unit="x SimpleITK",
                bar=None,
                met=None,
                input=told,
            )
        )
    return rows


def study_seconds(encoder: str) -> float:
    """Return the CPU seconds of hashing, reading, gridding and encoding one study."""
    cohort = cohort_of(
        [series(name, path) for name, path in SERIES.items()], [mask("prostate", GLAND, "1=prostate")]
    )
    (item,) = items_of(cohort, FOLDER, {"encoder": encoder})
    stage = VolumeStage()
    return cpu_seconds(lambda: stage.build(item, stage.sources(item, sha256_of_file)))


def read_and_resample() -> None:
    """Read three series and a mask with SimpleITK and lay ADC and HBV on the T2W's grid, linearly."""
    import SimpleITK as sitk  # noqa: N813 - its usual name

    reference = sitk.ReadImage(str(FOLDER / SERIES["t2w"]), sitk.sitkFloat32)
    sitk.ReadImage(str(FOLDER / GLAND))
    for name in ("adc", "hbv"):
        sitk.Resample(
            sitk.ReadImage(str(FOLDER / SERIES[name]), sitk.sitkFloat32),
            reference,
            sitk.Transform(),
            sitk.sitkLinear,
        )


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return the least CPU seconds of a few repeats, all threads together."""
    times = []
    for _ in range(REPEATS):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory(prefix="braid-speed-") as folder:
        sys.exit(tabulate(volume_rows(Path(folder))))
