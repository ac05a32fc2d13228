"""`make speed`: what things cost, as ratios within one run where there is something to compare with.

Writes results/speed.json; exits 1 on a miss. Inputs are made here, so that any
machine measures the same, but for volumes, which need ../shared/data.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.measurement import ROOT, Measured, publish
from tests.speed.bag_reading import bag_rows
from tests.speed.cache import cache_rows
from tests.speed.concordance import concordance_rows
from tests.speed.mil import mil_rows
from tests.speed.slide_reading import reading_rows
from tests.speed.slide_runs import run_rows
from tests.speed.slides import slide_rows
from tests.speed.tables import table_rows
from tests.speed.timing import REPEATS, best
from tests.speed.volumes import volume_rows


def main() -> int:
    """Measure everything, print the table and write it down."""
    with tempfile.TemporaryDirectory(prefix="braid-speed-") as folder:
        work = Path(folder)
        slides = [*slide_rows(work), *reading_rows(work), *run_rows(work)]
        rows = [
            *help_rows(),
            *slides,
            *cache_rows(work),
            *table_rows(work),
            *mil_rows(work),
            *bag_rows(work),
            *concordance_rows(),
            *volume_rows(work),
        ]
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


def run_quietly(command: list[str]) -> None:
    """Run a command from the root of the checkout."""
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
