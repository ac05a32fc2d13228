"""What a shard holds of a plan: each block's items cut by what their headers say, and the cut remembered.

Enters: all items of a feature set, done or not. Leaves: those of one shard. The first shard of a run writes
the cut into the cache and the others follow it, so that a header that could not be read for a moment moves no
item out of every shard. No id stands in that file.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

from extract.caps import header_workers
from extract.cost import weigh_items
from extract.distribute.shard import Shard, Unit, assign
from extract.item import WorkItem
from feature_cache.canonical import sha256_of_json
from feature_cache.errors import CacheError
from feature_cache.store import FeatureCache

_FILE = "shards.json"


class Share:
    """One shard of one plan. Blocks of one family (slides, and the vectors made of them) are cut alike."""

    def __init__(self, shard: Shard, cache: FeatureCache) -> None:
        self._shard, self._cache = shard, cache
        self._cuts: dict[str, dict[Unit, int]] = {}

    def of(self, items: Sequence[WorkItem], family: str) -> list[WorkItem]:
        """Return the items of this shard; the first feature set of a family decides for all of it."""
        if family not in self._cuts:
            self._cuts[family] = self._cut(items)
        cut = self._cuts[family]
        return [item for item in items if cut[_unit(item)] == self._shard.number]

    def _cut(self, items: Sequence[WorkItem]) -> dict[Unit, int]:
        units = sorted({_unit(item) for item in items})
        if not units:
            return {}
        of_what = [items[0].key.cohort, items[0].key.feature_set, self._shard.count, [list(u) for u in units]]
        folder = self._cache.runs_folder / f"shards-{sha256_of_json(of_what)[:12]}"
        numbers = _read(folder, len(units), self._shard.count)
        if numbers is None:
            weights = weigh_items(items, header_workers())
            cut = assign({_unit(item): weight for item, weight in weights}, self._shard.count)
            numbers = [cut[unit] for unit in units]
            if self._cache.runs_folder.is_dir():  # `plan` makes no cache
                numbers = _remember(folder, numbers, self._shard.count)
        return dict(zip(units, numbers, strict=True))


def _unit(item: WorkItem) -> Unit:
    return item.key.case_id, item.key.item_id


def _remember(folder: Path, numbers: list[int], count: int) -> list[int]:
    """Write the cut in one step, or return that of another shard, which came first."""
    fresh = folder.with_name(f"{folder.name}.{uuid.uuid4().hex}")
    try:
        fresh.mkdir()
        (fresh / _FILE).write_text(json.dumps(numbers) + "\n", encoding="utf-8")
        fresh.rename(folder)  # fails where a folder with a file in it is there
    except OSError as error:
        shutil.rmtree(fresh, ignore_errors=True)
        first = _read(folder, len(numbers), count)
        if first is None:
            raise CacheError(
                f"_runs/{folder.name}: how the work is cut into shards",
                expected="a disk that takes it",
                got=error.strerror or type(error).__name__,
                remedy="Make room or mend the disk and run the shard again.",
            ) from error
        return first
    return numbers


def _read(folder: Path, units: int, count: int) -> list[int] | None:
    """Return the shards of the units in their order; None where nobody has cut yet."""
    path = folder / _FILE
    if not path.is_file():
        return None
    try:
        numbers = json.loads(path.read_text(encoding="utf-8"))
        if len(numbers) == units and all(type(one) is int and 1 <= one <= count for one in numbers):
            return list(numbers)
    except (OSError, ValueError, TypeError):
        pass  # named below, like what is no list of shards
    raise CacheError(
        f"_runs/{folder.name}: how the work is cut into shards",
        expected=f"{units} numbers from 1 to {count}",
        got="something else",
        remedy="Remove that folder once no shard runs, then run every shard again.",
    )
