"""`python -m tests.coverage`: how often intervals hold the truth. Writes results/coverage.json."""

from __future__ import annotations

import argparse
import sys

from tests.coverage.cohorts import SITUATIONS
from tests.coverage.one_cohort import Extent
from tests.coverage.study import COHORTS, REFITS, REPEATS, SIZES, study_rows
from tests.judging import JOBS
from tests.measurement import publish


def main() -> int:
    """Judge and print; 1 where the primary interval held the truth too rarely."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cohorts", type=int, default=COHORTS, help="of each situation and size")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="cases, as in 95,300,1000")
    parser.add_argument("--situations", nargs="+", choices=SITUATIONS, default=list(SITUATIONS))
    parser.add_argument("--repeats", type=int, default=REPEATS, help="of the five folds")
    parser.add_argument("--refits", type=int, default=REFITS, help="of a bootstrap, up to 300 cases")
    parser.add_argument("--jobs", type=int, default=JOBS)
    given = parser.parse_args()
    sizes = [int(size) for size in given.sizes.split(",")]
    extent = Extent(repeats=given.repeats, refits=given.refits)
    return publish("coverage", study_rows(given.cohorts, sizes, given.situations, extent, given.jobs))


if __name__ == "__main__":
    sys.exit(main())
