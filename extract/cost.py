"""What the items of a plan cost: bytes, tiles, the size of the cache.

Enters: items. Leaves: sums a block, or the weight of each item. Every header is opened in a child process
under caps; one that cannot be opened, or takes its decoder down, counts as unreadable.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing

from extract.caps import header_caps
from extract.item import WorkItem
from extract.pool import Death, run_capped
from extract.stages import STAGES
from feature_cache.errors import SourceError

_UNREADABLE = {"unreadable": 1}


def add_up_costs(items: tuple[WorkItem, ...], workers: int) -> dict[str, dict[str, int]]:
    """Return block -> what its items cost, by name, and how many of them are `unreadable`."""
    costs: dict[str, Counter[str]] = {}
    for item, cost in _costs(items, workers):
        costs.setdefault(item.block, Counter()).update(cost)
    return {block: dict(cost) for block, cost in costs.items()}


def weigh_items(items: Sequence[WorkItem], workers: int) -> list[tuple[WorkItem, int]]:
    """Return every item with its weight, to be compared within a block: tiles, else bytes, at least 1.

    Tiles are those of the grid: which of them hold tissue is known only when the slide is read.
    """
    return [
        (item, max(1, cost.get("tiles_at_most", cost.get("bytes", 1))))
        for item, cost in _costs(items, workers)
    ]


def _costs(items: Sequence[WorkItem], workers: int) -> Iterator[tuple[WorkItem, dict[str, int]]]:
    with closing(run_capped(_cost, items, header_caps(workers), workers)) as outcomes:
        for item, outcome in outcomes:
            yield item, _UNREADABLE if isinstance(outcome, Death) else outcome


def _cost(item: WorkItem) -> dict[str, int]:
    try:
        return STAGES[item.block].cost(item)
    except SourceError:
        return _UNREADABLE
