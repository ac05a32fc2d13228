"""Work items in, committed entries out.

Enters: a plan and a cache. Leaves: entries, and a receipt of what became of each item. Items are independent
and idempotent: a run that was killed anywhere is finished by running it again. Items are made in the child
processes of `pool.py`; what goes wrong there, the end of the child included, is the item's alone.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from pydantic import JsonValue

from extract.caps import Caps
from extract.item import WorkItem
from extract.pool import Death, run_capped
from extract.stages import STAGES
from feature_cache import origin
from feature_cache.errors import BraidError, Problem
from feature_cache.store import FeatureCache

#: Libraries that stand behind the numbers of an entry, beside the decoders that a stage names itself.
LIBRARIES = ("numpy", "scipy")

_REMEDIES = {
    "memory": "Look at the file; where it is sound, give --memory-gb more or use fewer --workers.",
    "time": "Look at the file; where it is sound, give --time-limit more.",
    "signal": "Its decoder, or the system out of memory, ended it. Look at the file, or use fewer --workers; "
    "a later run tries this one again.",
    "exit": "Look at the file; a later run tries this one again.",
    "error": "Look at the file; the others were not affected. A later run tries this one again.",
}


Outcome = Literal["committed", "replaced", "already_there", "failed"]


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What a worker sends back: never an array. `problem` is None where the entry is in the cache."""

    modality: str
    case_id: str
    item_id: str
    outcome: Outcome
    problem: Problem | None = None
    hash_s: float = 0.0
    build_s: float = 0.0
    commit_s: float = 0.0


def run_items(
    items: tuple[WorkItem, ...], cache: FeatureCache, workers: int, caps: Caps
) -> Generator[Receipt, None, None]:
    """Make every item in `workers` child processes and yield receipts as they come.

    Closing the iterator ends the items in hand: their entries stay absent.
    """
    with closing(run_capped(partial(extract_item, cache=cache), items, caps, workers)) as outcomes:
        for item, outcome in outcomes:
            yield _lost(item, outcome) if isinstance(outcome, Death) else outcome


def extract_item(item: WorkItem, cache: FeatureCache) -> Receipt:
    """Make one entry and commit it; what a user can act on becomes a failed receipt."""
    key = item.key
    stage = STAGES[item.block]
    started = time.perf_counter()
    try:
        sources = stage.sources(item, cache.hash_file)
        hashed = time.perf_counter()
        if cache.is_done(key, sources):
            return _receipt(item, "already_there", hash_s=hashed - started)
        draft = stage.build(item, sources)
        built = time.perf_counter()
        result = cache.commit(replace(draft, used={**draft.used, **_origin()}))
        committed = time.perf_counter()
    except BraidError as error:
        return _receipt(item, "failed", problem=error.as_problem())
    return _receipt(item, result, hash_s=hashed - started, build_s=built - hashed, commit_s=committed - built)


def _receipt(
    item: WorkItem,
    outcome: Outcome,
    *,
    problem: Problem | None = None,
    hash_s: float = 0.0,
    build_s: float = 0.0,
    commit_s: float = 0.0,
) -> Receipt:
    key = item.key
    return Receipt(
        modality=key.modality,
        case_id=key.case_id,
        item_id=key.item_id,
        outcome=outcome,
        problem=problem,
        hash_s=hash_s,
        build_s=build_s,
        commit_s=commit_s,
    )


def _lost(item: WorkItem, death: Death) -> Receipt:
    expected = f"a readable {item.key.modality} item"
    return _receipt(item, "failed", problem=death.as_problem(str(item), expected, _REMEDIES[death.cause]))


def _origin() -> dict[str, JsonValue]:
    return {
        "braid": origin.own_version(),
        "commit": origin.commit(),
        "versions": dict(origin.versions(LIBRARIES)),
    }
