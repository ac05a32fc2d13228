"""`make trials`: faults on purpose. Prints a table and writes results/trials.json; exits 1 on a miss.

The rows of each trial are told on stderr as soon as it ends: an interrupted run keeps what it found.
With `--only` some trials run, and only the table is printed: results/trials.json is of the whole suite.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.measurement import Measured, publish, run_and_tell, tabulate
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
            rows += run_trial(trial, Path(folder) / trial.name, quick=options.quick, seed=options.seed)
    if options.only or options.quick:
        return tabulate(rows)
    return publish("trials", rows)


def run_trial(trial: Trial, work: Path, *, quick: bool, seed: int) -> list[Measured]:
    """Run one trial, to its end or not, and say its rows on stderr."""
    counts = trial.quick if quick else trial.full
    if counts is None:
        return []
    command = f"python -m tests.trials --only {trial.name} --seed {seed}{' --quick' if quick else ''}"
    return run_and_tell(f"cache/{trial.name}", lambda: trial.run(work, counts, seed), command)


if __name__ == "__main__":
    sys.exit(main())
