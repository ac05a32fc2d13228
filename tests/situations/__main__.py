"""`python -m tests.situations`: the verdict on eight planted situations. Writes results/situations.json."""

from __future__ import annotations

import argparse
import sys

from tests.measurement import publish
from tests.situations.rows import SEEDS, situation_rows
from tests.situations.situations import SITUATIONS


def main() -> int:
    """Judge and print; 1 where a situation is answered rightly in too few seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--situations", nargs="+", choices=SITUATIONS, default=list(SITUATIONS))
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"cohorts of each (default {SEEDS})")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default 0)")
    given = parser.parse_args()
    return publish("situations", situation_rows(given.situations, given.seeds, given.first))


if __name__ == "__main__":
    sys.exit(main())
