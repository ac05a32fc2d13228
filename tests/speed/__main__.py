"""`make speed`: what things cost, as ratios within one run where there is something to compare with.

Writes results/speed.json; exits 1 on a miss. Inputs are made here, so that any machine measures the same.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.measurement import ROOT, Measured, publish
from tests.speed.cache import cache_rows
from tests.speed.slide_reading import reading_rows
from tests.speed.slide_runs import run_rows
from tests.speed.slides import slide_rows

REPEATS = 3


def main() -> int:
    """Measure everything, print the table and write it down."""
    with tempfile.TemporaryDirectory(prefix="braid-speed-") as folder:
        work = Path(folder)
        slides = [*slide_rows(work), *reading_rows(work), *run_rows(work)]
        rows = [*help_rows(), *slides, *cache_rows(work), *fuse_rows()]
    return publish("speed", rows)


def help_rows() -> list[Measured]:
    """Time `--help` of both stages as whole processes."""
    rows = []
    for stage, area in (("extract", "slides"), ("fuse", "fuse")):
        command = [sys.executable, "-m", stage, "--help"]
        seconds = best(lambda command=command: run_quietly(command))  # type: ignore[misc]
        rows.append(
            Measured(
                name=f"{area}/help_of_{stage}",
                value=seconds,
                unit="s",
                bar="< 1 s",
                met=seconds < 1,
                input=f"python -m {stage} --help, best of {REPEATS}",
            )
        )
    return rows


def fuse_rows() -> list[Measured]:
    """Time the concordance index against scikit-survival's on the same numbers."""
    from sksurv.metrics import concordance_index_censored

    from fuse.metrics.concordance import concordant_pairs
    from fuse.outcomes import Survival

    rng = np.random.default_rng(0)
    outcome = Survival(event=rng.random(2000) < 0.3, time_days=rng.exponential(1000, 2000))
    risk = rng.standard_normal(2000)
    ours = best(lambda: concordant_pairs(risk, outcome))
    theirs = best(lambda: concordance_index_censored(outcome.event, outcome.time_days, risk))
    return [
        Measured(
            name="fuse/concordance_against_scikit_survival",
            value=theirs / ours,
            unit="times as fast",
            bar=None,
            met=None,
            input="2,000 cases, 30 % events",
        )
    ]


def best(work: Callable[[], object]) -> float:
    """Return the least seconds of a few repeats: the one that was disturbed least."""
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def run_quietly(command: list[str]) -> None:
    """Run a command from the root of the checkout."""
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
