"""`python -m tests.planted`: the planted study. Writes results/planted.json; 1 on a miss."""

from __future__ import annotations

import argparse
import sys

from tests.measurement import publish
from tests.planted.extent import FINDER_SEEDS, NETWORK_SEEDS, SEEDS, Extent, study_rows
from tests.planted.situations import SITUATIONS, SIZES


def main() -> int:
    """Judge and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--situations", nargs="+", choices=SITUATIONS, default=list(SITUATIONS))
    parser.add_argument("--sizes", nargs="+", type=int, choices=SIZES, default=list(SIZES))
    parser.add_argument("--protocol", default="recommended", help="whose arms and fusion are judged")
    for name, default, judged in (
        ("--seeds", SEEDS, "cheap arms"),
        ("--network-seeds", NETWORK_SEEDS, "networks"),
        ("--finder-seeds", FINDER_SEEDS, "the arms named for a situation"),
    ):
        text = f"cohorts of a situation for {judged}, 0 for none (default {default})"
        parser.add_argument(name, type=int, default=default, help=text)
    given = vars(parser.parse_args())
    extent = Extent(**{name: tuple(v) if isinstance(v, list) else v for name, v in given.items()})
    return publish("planted", study_rows(extent))


if __name__ == "__main__":
    sys.exit(main())
