"""A synthetic cohort made, scanned and extracted through the command line, as a user would.

Enters: a work folder and a seed. Leaves: manifest, cache and truth.json; the raw files, by far the largest
part, are removed once they are extracted.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.measurement import ROOT


@dataclass(frozen=True, kw_only=True)
class Extracted:
    """Where the parts of one cohort are."""

    manifest: Path
    cache: Path
    truth: Path


def make_cohort(work: Path, cases: int, seed: int) -> Extracted:
    """Write, scan and extract a cohort in the CHIMERA layout."""
    work.mkdir(parents=True)
    raw, manifests, cache = work / "raw", work / "manifests", work / "cache"
    _extract("synthetic", raw, "--layout", "chimera", "--cases", cases, "--seed", seed)
    _extract("scan", "chimera", raw, "--cohort", "planted", "--manifests", manifests)
    _extract("run", manifests / "planted", "--root", raw, "--cache", cache)
    truth = work / "truth.json"
    shutil.copy(raw / "truth.json", truth)
    shutil.rmtree(raw)
    return Extracted(manifest=manifests / "planted", cache=cache, truth=truth)


def _extract(*words: object) -> None:
    command = [sys.executable, "-m", "extract", *map(str, words)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
