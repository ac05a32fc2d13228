"""All 159 against MIRP 2.7.0: kept values of a small region, and live where it is installed.

The IBSI's phantom has five zones, all at the edge, and its levels need no bins; this region has more of both.
mirp_reference.json holds what `mirp_oracle.py` gave for the phantom of PyRadiomics' tests, with bins 7 wide
and with 12. To compare live: BRAID_MIRP_PYTHON=<a Python with MIRP 2.7.0> pytest this file.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from extract.volumes.texture.grey_levels import levelled, levels_of_count, levels_of_width
from extract.volumes.texture.ibsi import TEXTURE, texture
from tests.extract.volumes.pyradiomics import phantom

HERE = Path(__file__).parent
REFERENCE: dict[str, dict[str, float]] = json.loads(
    (HERE / "mirp_reference.json").read_text(encoding="utf-8")
)
BINS = {"width 7": {"width": 7.0}, "count 12": {"count": 12}}


def measure(voxels: np.ndarray, mask: np.ndarray, bins: dict[str, float]) -> dict[str, float]:
    values = voxels[mask].astype(np.float64)
    if "width" in bins:
        levels = levels_of_width(values, bins["width"])
        count = int(levels.max())
    else:
        count = int(bins["count"])
        levels = levels_of_count(values, count)
    return dict(zip(TEXTURE, map(float, texture(levelled(mask, levels, count))), strict=True))


@pytest.mark.parametrize("bins", BINS)
def test_all_159_are_those_of_mirp(bins: str) -> None:
    got = measure(phantom.VOXELS, phantom.REGION, BINS[bins])
    assert set(got) == set(REFERENCE[bins])
    assert got == pytest.approx(REFERENCE[bins], rel=1e-9, abs=1e-12)
    assert got["dzm_lde_3D"] > 1, "some zones lie away from the edge"


@pytest.mark.parametrize("bins", [*BINS.values(), {"count": 32}])
def test_other_regions_live(tmp_path: Path, bins: dict[str, float]) -> None:
    python = os.environ.get("BRAID_MIRP_PYTHON")
    if not python:
        pytest.skip("BRAID_MIRP_PYTHON names no Python with MIRP 2.7.0")
    mask = np.random.default_rng(4).random(phantom.SIZE) < 0.7
    np.savez(tmp_path / "in.npz", voxels=phantom.VOXELS, mask=mask, **bins)
    subprocess.run(
        [python, HERE / "mirp_oracle.py", tmp_path / "in.npz", tmp_path / "out.json"],
        check=True,
        capture_output=True,
    )
    said = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert measure(phantom.VOXELS, mask, bins) == pytest.approx(said, rel=1e-9, abs=1e-9)
