"""Stage 2 where no imaging library can be imported, as on a machine with nothing but [fuse].

`tests/trials/fuse_alone.py` does the same on such a machine: a fresh environment, which takes minutes.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuse.tiny_cohort import Tiny

#: What only stage 1 reads images or runs networks with.
IMAGING = (
    "openslide",
    "tiffslide",
    "tifffile",
    "imagecodecs",
    "SimpleITK",
    "nibabel",
    "skimage",
    "timm",
    "transformers",
)


@pytest.fixture
def without_imaging(tmp_path: Path) -> dict[str, str]:
    """Return an environment in which each library is found as one that cannot be imported."""
    absent = tmp_path / "absent"
    absent.mkdir()
    for name in IMAGING:
        (absent / f"{name}.py").write_text(f"raise ImportError('No module named {name}')\n", encoding="utf-8")
    return {**os.environ, "PYTHONPATH": str(absent)}


def python(repository: Path, environment: dict[str, str], *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *map(str, words)]
    return subprocess.run(
        command, cwd=repository, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("library", IMAGING)
def test_the_library_is_out_of_reach(repository: Path, without_imaging: dict[str, str], library: str) -> None:
    done = python(repository, without_imaging, "-c", f"import {library}")
    assert f"No module named {library}" in done.stderr


def test_a_benchmark_runs_to_its_report(
    repository: Path, without_imaging: dict[str, str], tiny: Tiny, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    words = ("-m", "fuse", "benchmark", tiny.cohort, "--cache", tiny.cache, "--out", run, "--jobs", 1)
    done = python(repository, without_imaging, *words, "--protocol", tiny.protocol)
    assert done.returncode == 0, done.stderr
    assert (run / "report.html").stat().st_size > 0
    with (run / "metrics.csv").open(newline="", encoding="utf-8") as stream:
        arms = {row["arm"] for row in csv.DictReader(stream)}
    assert {"ridge_cox__slides", "late__clinical+slides+notes"} <= arms
