"""Compiled loops: the same numbers as plain Python, and no need for a folder to keep them in."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numba
import numpy as np
import pytest

from extract.slides.compiled import compiled
from extract.slides.ink import ink_limits
from extract.slides.quality_loops import measure_pixels
from extract.slides.tissue_loops import classify_pixels
from tests.extract.slides.pyramids import colour_noise


def add_up(values: np.ndarray, total: np.ndarray) -> None:
    for value in values:
        total[0] += value


def test_without_a_folder_for_its_cache_it_is_compiled_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    njit, asked = numba.njit, list[str]()

    def without_folder(*functions: Any, **options: Any) -> Any:
        if options.get("cache"):
            asked.append("a folder")
            raise RuntimeError("cannot cache function: no locator available")
        return njit(*functions, **options)

    monkeypatch.setattr(numba, "njit", without_folder)
    total = np.zeros(1)
    compiled(add_up)(np.arange(5.0), total)
    assert total[0] == 10
    assert asked == ["a folder"]
    assert compiled(add_up) is compiled(add_up)


def test_loops_give_what_they_say_in_python() -> None:
    small = np.ascontiguousarray([colour_noise(24, 20, seed) for seed in range(2)])
    tiles = small.astype(np.int64)
    plain, fast = np.empty((2, 3)), np.empty((2, 3))
    measure_pixels(tiles, ink_limits(), 1, 1, plain)
    compiled(measure_pixels)(small, ink_limits(), 1, 1, fast)
    assert plain.tobytes() == fast.tobytes()
    density = np.linspace(3, 0, 256 * 3).reshape(256, 3).astype(np.float32)
    kinds, quick = np.empty((24, 20), dtype=np.uint8), np.empty((24, 20), dtype=np.uint8)
    classify_pixels(tiles[0], density, ink_limits(), kinds)
    compiled(classify_pixels)(small[0], density, ink_limits(), quick)
    assert kinds.tobytes() == quick.tobytes()
    assert len(np.unique(kinds)) == 3


def test_numba_is_not_imported_before_a_loop_runs() -> None:
    code = "import sys, extract.slides.slide_pass; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
