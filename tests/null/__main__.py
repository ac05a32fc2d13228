"""`python -m tests.null`: what is said where nothing is to find. Writes results/null.json; 1 on a miss."""

from __future__ import annotations

import argparse
import sys

from tests.measurement import publish
from tests.null.study import COHORTS, REFITTED, RUNS, study_rows


def main() -> int:
    """Judge and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    text = "cohorts without anything to find, for C and intervals, 0 for none (default %(default)s)"
    parser.add_argument("--runs", type=int, default=RUNS, help=text)
    text = "the same for tests that fit everything again (default %(default)s)"
    parser.add_argument("--refitted", type=int, default=REFITTED, help=text)
    text = "cohorts in which fusion gains .02, 0 for none (default %(default)s)"
    parser.add_argument("--cohorts", type=int, default=COHORTS, help=text)
    parser.add_argument("--first", type=int, default=0, help="the first seed (default %(default)s)")
    given = parser.parse_args()
    return publish("null", study_rows(given.runs, given.refitted, given.cohorts, given.first))


if __name__ == "__main__":
    sys.exit(main())
