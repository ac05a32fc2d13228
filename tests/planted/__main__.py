"""`python -m tests.planted`: the planted study. Writes results/planted.json; 1 on a miss."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from tests.measurement import Measured, publish
from tests.planted.networks import FINDERS, finder_rows, judge_finder, judge_networks
from tests.planted.pool import Cohort, judge_all
from tests.planted.rows import LARGE, arm_rows, describe, grouped, summary_rows
from tests.planted.situations import SITUATIONS, SIZES
from tests.planted.study import judge_cheap

SEEDS, NETWORK_SEEDS, FINDER_SEEDS = 200, 3, 20


@dataclass(frozen=True, kw_only=True)
class Extent:
    """What is judged: cheap arms on `seeds`, networks on `network_seeds`, named ones on `finder_seeds`."""

    situations: tuple[str, ...] = tuple(SITUATIONS)
    sizes: tuple[int, ...] = SIZES
    protocol: str = "recommended"
    seeds: int = SEEDS
    network_seeds: int = NETWORK_SEEDS
    finder_seeds: int = FINDER_SEEDS


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


def study_rows(extent: Extent) -> list[Measured]:
    """Return all rows of the planted study, and print what was found on the way."""
    rows: list[Measured] = []
    if extent.seeds:
        cohorts = _cohorts(extent.situations, extent.sizes, extent.seeds)
        groups = grouped(judge_all(partial(judge_cheap, protocol=extent.protocol), cohorts, "cheap arms"))
        print(*map(describe, groups), sep="\n", flush=True)
        rows += summary_rows(groups, extent.protocol) + arm_rows(groups, "cheap arms")
    if extent.network_seeds:
        cohorts = _cohorts(extent.situations, (LARGE,), extent.network_seeds)
        groups = grouped(judge_all(judge_networks, cohorts, "networks"))
        print(*map(describe, groups), sep="\n", flush=True)
        rows += arm_rows(groups, "networks")
    if extent.finder_seeds:
        named = [finder.situation for finder in FINDERS if finder.situation in extent.situations]
        cohorts = _cohorts(named, (LARGE,), extent.finder_seeds)
        rows += finder_rows(grouped(judge_all(judge_finder, cohorts, "named arms")))
    return rows


def _cohorts(situations: Sequence[str], sizes: Sequence[int], seeds: int) -> list[Cohort]:
    return [(name, size, seed) for name in situations for size in sizes for seed in range(seeds)]


if __name__ == "__main__":
    sys.exit(main())
