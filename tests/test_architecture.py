"""What the house promises about itself: sizes, import names, the pickle gate, one-second help."""

from __future__ import annotations

import ast
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


def test_nothing_unpickles_and_yaml_is_safe(repository: Path) -> None:
    """Pickled weights are read in one file, as tensors alone; nowhere else, and nothing but the exception."""
    gate = repository / "extract/encoders/weights.py"
    found, gated = [], []
    for path in modules(repository):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import) and any(name.name == "pickle" for name in node.names):
                found.append((path, node.lineno, "pickle"))
            if isinstance(node, ast.ImportFrom) and node.module == "pickle":
                imported = [name.name for name in node.names]
                if (path, imported) != (gate, ["UnpicklingError"]):
                    found.append((path, node.lineno, "pickle"))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                call = ast.unparse(node.func)
                keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                if call == "torch.load" and path == gate and keywords.get("weights_only") == "True":
                    gated.append(call)
                elif call in {"yaml.load", "torch.load", "pickle.load", "joblib.load"}:
                    found.append((path, node.lineno, call))
                if keywords.get("allow_pickle") == "True" or keywords.get("shell") == "True":
                    found.append((path, node.lineno, call))
    assert found == []
    assert gated == ["torch.load"]


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
