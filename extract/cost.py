"""What the items of a plan cost: bytes, tiles, the size of the cache.

Enters: items. Leaves: sums a block. Every header is opened in a child process under caps; one that cannot be
opened, or takes its decoder down, counts as unreadable.
"""

from __future__ import annotations

from collections import Counter
from contextlib import closing

from extract.caps import header_caps
from extract.item import WorkItem
from extract.pool import Death, run_capped
from extract.stages import STAGES
from feature_cache.errors import SourceError


def add_up_costs(items: tuple[WorkItem, ...], workers: int) -> dict[str, dict[str, int]]:
    """Return block -> what its items cost, by name, and how many of them are `unreadable`."""
    costs: dict[str, Counter[str]] = {}
    with closing(run_capped(_cost, items, header_caps(workers), workers)) as outcomes:
        for item, outcome in outcomes:
            cost = {"unreadable": 1} if isinstance(outcome, Death) else outcome
            costs.setdefault(item.block, Counter()).update(cost)
    return {block: dict(cost) for block, cost in costs.items()}


def _cost(item: WorkItem) -> dict[str, int]:
    try:
        return STAGES[item.block].cost(item)
    except SourceError:
        return {"unreadable": 1}
