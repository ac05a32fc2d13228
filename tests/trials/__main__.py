"""`make trials`: faults on purpose. Prints a table and writes results/trials.json; exits 1 on a miss."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.measurement import Measured, publish
from tests.trials.kill_extract import kill_extract
from tests.trials.test_null_simulation import ENOUGH_RUNS, null_simulation


def main() -> int:
    """Run every trial with the counts of the issue, or fewer with --quick."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the counts")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rows: list[Measured] = []
    with tempfile.TemporaryDirectory(prefix="braid-trials-") as folder:
        for workers in (1, 2):
            kills = 2 if options.quick else 10
            rows += kill_extract(Path(folder) / f"kill-{workers}", workers, kills, options.seed)
    rows += null_simulation(runs=ENOUGH_RUNS // 10 if options.quick else ENOUGH_RUNS, seed=options.seed)
    return publish("trials", rows)


if __name__ == "__main__":
    sys.exit(main())
