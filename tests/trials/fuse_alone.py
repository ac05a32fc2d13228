"""Stage 2 on a machine that has nothing: `make fuse` installs [fuse] alone and runs on a copied cache.

Enters: a work folder. Leaves: measured rows: what `make fuse` returned, which imaging libraries its fresh
environment has, how long it took. It needs git, make and a package index; without an index nothing is
measured, which the rows say.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.fuse.test_no_imaging import IMAGING
from tests.measurement import ROOT, Measured
from tests.trials.fused_cohort import unsynced_tiny
from tests.trials.trial import Counts

PATIENCE_S = 1800
SOURCE = "fresh clone and environment, copied cache of 60 cases with slides, notes and clinical values"
#: What would lead the clone's Python back to this installation.
_OURS = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")

Finished = subprocess.CompletedProcess[str]


def fuse_alone(work: Path, counts: Counts, seed: int) -> list[Measured]:
    """Clone, copy, `make fuse`, and look at what can be imported; neither counts nor seed play a part."""
    del counts, seed
    clone, laptop = work / "clone", work / "laptop"
    _run(work, "git", "clone", "--quiet", ROOT, clone).check_returncode()
    if not _index_answers(work, clone):
        return [_row(name, None, unit) for name, unit in (("exit", "status"), ("imaging_libraries", "found"))]
    cohort = unsynced_tiny(work / "machine")
    shutil.copytree(cohort.cohort, laptop / "tiny")
    shutil.copytree(cohort.cache, laptop / "cache")
    run = laptop / "run"
    started = time.perf_counter()
    made = _run(
        clone,
        "make",
        "fuse",
        f"COHORT={laptop / 'tiny'}",
        f"CACHE={laptop / 'cache'}",
        f"PROTOCOL={cohort.protocol}",
        f"RUN={run}",
        f"PYTHON={_base_python()}",
    )
    seconds = time.perf_counter() - started
    if made.returncode or not (run / "report.html").is_file():
        sys.stderr.write(f"make fuse: exit {made.returncode}\n{made.stdout}{made.stderr}\n")
        return [_row("exit", made.returncode or 1, "status", "0")]
    found = _imaging_libraries(clone)
    if found:
        sys.stderr.write(f"imaging libraries in the environment of stage 2: {', '.join(found)}\n")
    return [
        _row("exit", made.returncode, "status", "0"),
        _row("imaging_libraries", len(found), "found", "0"),
        _row("s", seconds, "s to install and run"),
    ]


def _imaging_libraries(clone: Path) -> list[str]:
    """Return which of the libraries the clone's environment could import."""
    program = (
        "import importlib.util, json\n"
        f"print(json.dumps([name for name in {IMAGING!r} if importlib.util.find_spec(name)]))"
    )
    done = _run(clone, clone / ".venv" / "bin" / "python", "-c", program)
    done.check_returncode()
    found: list[str] = json.loads(done.stdout)
    return found


def _index_answers(work: Path, clone: Path) -> bool:
    """Whether a package can be had, asked in an environment that has none."""
    probe = work / "probe"
    _run(work, _base_python(), "-m", "venv", probe).check_returncode()
    asked = ("install", "--quiet", "--dry-run", "--no-deps", "-c", clone / "constraints.txt", "packaging")
    done = _run(work, probe / "bin" / "python", "-m", "pip", "--disable-pip-version-check", *asked)
    if done.returncode:
        sys.stderr.write(f"no package index answers: {done.stderr}\n")
    return done.returncode == 0


def _run(where: Path, *words: object) -> Finished:
    environment = {name: value for name, value in os.environ.items() if name not in _OURS}
    return subprocess.run(
        [str(word) for word in words],
        cwd=where,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def _base_python() -> str:
    """Return the interpreter behind this environment: a fresh machine has no other."""
    return str(Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}")


def _row(name: str, value: float | None, unit: str, bar: str | None = None) -> Measured:
    source = SOURCE if value is not None else "no package index answers: not measured"
    met = None if value is None or bar is None else value == 0
    return Measured(name=f"fuse/alone_{name}", value=value, unit=unit, bar=bar, met=met, input=source)
