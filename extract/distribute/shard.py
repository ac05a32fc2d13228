"""A run cut into shards that need no scheduler: `--shard 2/8` does the second eighth.

Enters: items with their weights, and how many shards there are. Leaves: for each unit of work its shard.
Which items are done already has no say: shards that start at different times must cut alike, or an item
would fall between them.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

#: Case and item: what is made of one slide stays together, through all feature sets and both passes.
Unit = tuple[str, str]
_WRITTEN = re.compile(r"([1-9][0-9]*)/([1-9][0-9]*)")


@dataclass(frozen=True)
class Shard:
    """Number `number` of `count` shards, counted from 1."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `i/n`; `ValueError` says what is wrong with it.

        Examples
        --------
        >>> Shard.parse("2/8")
        Shard(number=2, count=8)
        """
        found = _WRITTEN.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is not i/n, counted from 1, such as 1/8 for the first of eight")
        shard = cls(int(found[1]), int(found[2]))
        if shard.number > shard.count:
            raise ValueError(f"{text!r}: the last of {shard.count} shards is {shard.count}/{shard.count}")
        return shard

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


def assign(weights: Mapping[Unit, int], count: int) -> dict[Unit, int]:
    """Return the shard (1 to `count`) of every unit, the shards about equally heavy.

    The heaviest unit first, each to the shard that is lightest so far: the heaviest shard is at most 4/3 of
    what the best cut has (Graham, SIAM J. Appl. Math. 17, 1969). The order of `weights` does not matter.

    Examples
    --------
    >>> assign({("a", "1"): 5, ("b", "1"): 3, ("c", "1"): 2}, 2)
    {('a', '1'): 1, ('b', '1'): 2, ('c', '1'): 2}
    """
    held = [(0, 0, number) for number in range(1, count + 1)]  # weight, units, shard
    assigned: dict[Unit, int] = {}
    for unit in sorted(weights, key=lambda unit: (-weights[unit], unit)):
        weight, units, number = heapq.heappop(held)
        assigned[unit] = number
        heapq.heappush(held, (weight + weights[unit], units + 1, number))
    return assigned
