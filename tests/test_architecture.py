"""What the house promises about itself: sizes, import names, no lumber, one-second help."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGES = ("extract", "feature_cache", "fuse")
LONGEST = 300


def modules(repository: Path) -> list[Path]:
    return [path for package in PACKAGES for path in sorted((repository / package).rglob("*.py"))]


def test_no_module_is_longer_than_three_screens(repository: Path) -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in modules(repository)}
    assert {str(path): length for path, length in lengths.items() if length > LONGEST} == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_import_names_come_from_this_checkout(repository: Path, package: str) -> None:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert Path(str(spec.origin)).parent == repository / package


def test_fusepy_is_absent() -> None:
    """Its fuse.py would shadow ours outside the checkout."""
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        importlib.metadata.distribution("fusepy")


def test_the_house_has_no_lumber_rooms(repository: Path) -> None:
    lumber = {"utils", "helpers", "common", "misc", "manager", "base_2", "archive"}
    assert [path for path in modules(repository) if lumber & {path.stem, path.parent.name}] == []


@pytest.mark.parametrize("stage", ["extract", "fuse"])
def test_help_imports_nothing_heavy(repository: Path, stage: str) -> None:
    heavy = ("numpy", "torch", "sksurv", "xgboost", "openslide", "tifffile", "SimpleITK", "zarr", "pandas")
    program = (
        "import runpy, sys\n"
        f"sys.argv = ['{stage}', '--help']\n"
        "try:\n"
        f"    runpy.run_module('{stage}', run_name='__main__')\n"
        "except SystemExit as stop:\n"
        "    assert not stop.code, stop.code\n"
        f"print('HEAVY', [name for name in {heavy!r} if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=repository, capture_output=True, text=True, check=True
    )
    assert "HEAVY []" in done.stdout
