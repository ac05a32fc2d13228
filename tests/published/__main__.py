"""`make published`: what is published or planted, found again. Writes results/published.json; 1 on a miss.

The rows of each study are told on stderr as soon as it ends: an interrupted run keeps what it found. With
`--only` some studies run, and only the table is printed: results/published.json is of the whole suite.
"""

from __future__ import annotations

import argparse
import sys

from tests.measurement import Measured, publish, run_and_tell, tabulate
from tests.published.studies import STUDIES


def main() -> int:
    """Run the studies, the short ones first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", choices=STUDIES, help=f"some of {', '.join(STUDIES)}"
    )
    given = parser.parse_args()
    rows: list[Measured] = []
    for name, study in STUDIES.items():
        if not given.only or name in given.only:
            rows += run_and_tell(name, study, f"python -m tests.published --only {name}")
    return tabulate(rows) if given.only else publish("published", rows)


if __name__ == "__main__":
    sys.exit(main())
