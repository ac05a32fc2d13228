"""`make trials`: faults on purpose. Prints a table and writes results/trials.json; exits 1 on a miss.

The rows of each trial are told on stderr as soon as it ends: an interrupted run keeps what it found.
With `--only` some trials run, and only the table is printed: results/trials.json is of the whole suite.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.measurement import Measured, publish, tabulate
from tests.trials.registry import TRIALS
from tests.trials.trial import Trial


def main() -> int:
    """Run the trials with the counts of the issue, or with few by --quick."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = [trial.name for trial in TRIALS]
    parser.add_argument("--quick", action="store_true", help="a few of each, as in `make test`")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", choices=names, help=f"some of {', '.join(names)}"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chosen = [trial for trial in TRIALS if not options.only or trial.name in options.only]
    rows: list[Measured] = []
    with tempfile.TemporaryDirectory(prefix="braid-trials-") as folder:
        for trial in chosen:
            rows += run_and_tell(trial, Path(folder) / trial.name, quick=options.quick, seed=options.seed)
    if options.only or options.quick:
        return tabulate(rows)
    return publish("trials", rows)


def run_and_tell(trial: Trial, work: Path, *, quick: bool, seed: int) -> list[Measured]:
    """Run one trial, to its end or not, and say its rows on stderr."""
    counts = trial.quick if quick else trial.full
    if counts is None:
        return []
    began = time.monotonic()
    try:
        rows = trial.run(work, counts, seed)
    except Exception as error:  # noqa: BLE001  a trial that cannot be run to its end is a miss; the others go on
        traceback.print_exc()
        what = f"the trial ended with {type(error).__name__}; seed {seed}"
        name = f"cache/{trial.name}_not_finished"
        rows = [Measured(name=name, value=1, unit="trials", bar="0", met=False, input=what)]
    missed = sum(row.met is False for row in rows)
    bars = sum(row.met is not None for row in rows)
    sys.stderr.write(f"{trial.name}: {missed} of {bars} bars missed, {time.monotonic() - began:.0f} s\n")
    with contextlib.redirect_stdout(sys.stderr):
        tabulate(rows)
    sys.stderr.flush()
    return rows


if __name__ == "__main__":
    sys.exit(main())
