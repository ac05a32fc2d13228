"""A synthetic cohort made, scanned and extracted through the command line, as a user would.

Enters: a work folder and a seed. Leaves: raw files, manifest, cache and truth.json.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.measurement import ROOT

COHORT = "planted"

Finished = subprocess.CompletedProcess[str]


@dataclass(frozen=True, kw_only=True)
class Extracted:
    """Where the parts of one cohort are."""

    raw: Path
    manifest: Path
    cache: Path

    @property
    def truth(self) -> Path:
        """The known answer."""
        return self.raw / "truth.json"


def make_cohort(work: Path, cases: int, seed: int, workers: int = 1) -> Extracted:
    """Write, scan and extract a cohort in the CHIMERA layout."""
    work.mkdir(parents=True)
    raw, manifests, cache = work / "raw", work / "manifests", work / "cache"
    must("extract", "synthetic", raw, "--layout", "chimera", "--cases", cases, "--seed", seed)
    must("extract", "scan", "chimera", raw, "--cohort", COHORT, "--manifests", manifests)
    made = Extracted(raw=raw, manifest=manifests / COHORT, cache=cache)
    must("extract", "run", made.manifest, "--root", raw, "--cache", cache, "--workers", workers)
    return made


def braid(*words: object) -> Finished:
    """Run `python -m WORDS`; what it returned is the caller's to judge."""
    command = [sys.executable, "-m", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def must(*words: object) -> None:
    """Run a command that has to succeed."""
    done = braid(*words)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
