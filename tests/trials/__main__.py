"""`make trials`: faults on purpose. Prints a table and writes results/trials.json; exits 1 on a miss.

With `--only` some trials run, and only the table is printed: results/trials.json is of the whole suite.
"""

from __future__ import annotations

import argparse
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
            rows += _run(trial, Path(folder) / trial.name, quick=options.quick, seed=options.seed)
    if options.only or options.quick:
        return tabulate(rows)
    return publish("trials", rows)


def _run(trial: Trial, work: Path, *, quick: bool, seed: int) -> list[Measured]:
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
    sys.stderr.write(f"{trial.name}: {missed} of {len(rows)} bars missed, {time.monotonic() - began:.0f} s\n")
    return rows


if __name__ == "__main__":
    sys.exit(main())
