"""How much of the planted study is done, and all of it in order: cheap arms, networks, named arms.

Enters: situations, sizes, numbers of seeds. Leaves: the measured rows; what was found is printed on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from tests.judging import judge_all
from tests.measurement import Measured
from tests.planted.networks import FINDERS, finder_rows, judge_finder, judge_networks
from tests.planted.rows import LARGE, arm_rows, describe, grouped, ranking, summary_rows
from tests.planted.situations import SITUATIONS, SIZES
from tests.planted.study import judge_cheap

SEEDS, NETWORK_SEEDS, FINDER_SEEDS = 200, 3, 20
#: Named arms are held to cohorts that nobody saw when they were named.
FIRST_FINDER_SEED = 2000


@dataclass(frozen=True, kw_only=True)
class Extent:
    """What is judged: cheap arms on `seeds`, networks on `network_seeds`, named ones on `finder_seeds`."""

    situations: tuple[str, ...] = tuple(SITUATIONS)
    sizes: tuple[int, ...] = SIZES
    protocol: str = "recommended"
    seeds: int = SEEDS
    network_seeds: int = NETWORK_SEEDS
    finder_seeds: int = FINDER_SEEDS


def study_rows(extent: Extent) -> list[Measured]:
    """Return all rows of the planted study, and print what was found on the way."""
    rows: list[Measured] = []
    if extent.seeds:
        cohorts = _cohorts(extent.situations, extent.sizes, extent.seeds)
        judge = partial(judge_cheap, protocol=extent.protocol)
        groups = grouped(list(judge_all(judge, cohorts, "cheap arms")))
        print(*map(describe, groups), sep="\n", flush=True)
        rows += summary_rows(groups, extent.protocol) + arm_rows(groups, "cheap arms")
    if extent.network_seeds:
        cohorts = _cohorts(extent.situations, (LARGE,), extent.network_seeds)
        groups = grouped(list(judge_all(judge_networks, cohorts, "networks")))
        print(*map(ranking, groups), sep="\n", flush=True)
        rows += arm_rows(groups, "networks")
    if extent.finder_seeds:
        named = [finder.situation for finder in FINDERS if finder.situation in extent.situations]
        cohorts = _cohorts(named, (LARGE,), extent.finder_seeds, FIRST_FINDER_SEED)
        rows += finder_rows(grouped(list(judge_all(judge_finder, cohorts, "named arms"))))
    return rows


def _cohorts(
    situations: Sequence[str], sizes: Sequence[int], seeds: int, first: int = 0
) -> list[tuple[str, int, int]]:
    return [(name, size, first + k) for name in situations for size in sizes for k in range(seeds)]
