"""Work items in, committed entries out. The one place that catches what an item does.

Enters: a plan and a cache. Leaves: entries, and a ledger of what failed. Items are independent and
idempotent: a run that was killed anywhere is finished by running it again.
"""

from __future__ import annotations

import logging
import multiprocessing
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import JsonValue

from extract.item import WorkItem
from extract.stages import STAGES
from feature_cache import origin
from feature_cache.errors import BraidError, Problem
from feature_cache.store import FeatureCache

log = logging.getLogger(__name__)

#: Libraries that stand behind the numbers of an entry, beside the decoders that a stage names itself.
LIBRARIES = ("numpy", "scipy")


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What a worker sends back: never an array. `problem` is None where the entry is in the cache."""

    modality: str
    case_id: str
    item_id: str
    outcome: Literal["committed", "replaced", "already_there", "failed"]
    problem: Problem | None = None
    hash_s: float = 0.0
    build_s: float = 0.0
    commit_s: float = 0.0


def extract_item(item: WorkItem, cache: FeatureCache) -> Receipt:
    """Make one entry and commit it; whatever goes wrong becomes a failed receipt."""
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
    except Exception as error:  # the one place per item: a row in failures.csv, exit 1
        log.debug("case %s, %s", key.case_id, key.item_id, exc_info=error)
        return _receipt(
            item, "failed", problem=_unforeseen(item, f"{type(error).__name__} from {_place(error)}")
        )
    return _receipt(item, result, hash_s=hashed - started, build_s=built - hashed, commit_s=committed - built)


def run_items(items: tuple[WorkItem, ...], cache: FeatureCache, workers: int) -> Iterator[Receipt]:
    """Make every item in `workers` processes and yield receipts as they come.

    Decoders can take their process down. The items that a dead worker may have held are then made one by
    one, each in a process of its own: the one that kills again is named, the others are committed.
    """
    left = list(items)
    while left:
        survivors: list[WorkItem] = []
        for item, receipt in _pool_round(left, cache, workers):
            if receipt is None:
                survivors.append(item)
            else:
                yield receipt
        # a pool starts items in their order, so the first survivors are those that were being made
        order = {item.key: position for position, item in enumerate(left)}
        survivors.sort(key=lambda item: order[item.key])
        yield from _one_by_one(survivors[:workers], cache)
        left = survivors[workers:]


def _pool_round(
    items: list[WorkItem], cache: FeatureCache, workers: int
) -> Iterator[tuple[WorkItem, Receipt | None]]:
    """Run items in a pool; those that a dead worker took along come back with None."""
    pool = _pool(workers)
    try:
        futures = {pool.submit(extract_item, item, cache): item for item in items}
        for future in as_completed(futures):
            try:
                yield futures[future], future.result()
            except BrokenProcessPool:
                yield futures[future], None
    finally:  # also after Ctrl-C: only the items in hand are waited for
        pool.shutdown(wait=True, cancel_futures=True)


def _one_by_one(suspects: list[WorkItem], cache: FeatureCache) -> Iterator[Receipt]:
    """Run each item in a process of its own, so that a dead worker names the item that killed it."""
    for item in suspects:
        with _pool(1) as pool:
            try:
                yield pool.submit(extract_item, item, cache).result()
            except BrokenProcessPool:
                yield _receipt(item, "failed", problem=_unforeseen(item, "its worker process died"))


def _pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))


def _receipt(
    item: WorkItem,
    outcome: Literal["committed", "replaced", "already_there", "failed"],
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


def _unforeseen(item: WorkItem, got: str) -> Problem:
    return Problem(
        level="error",
        where=str(item),
        expected=f"a readable {item.key.modality} item",
        got=got,
        remedy="Look at the file; the others were not affected. A later run tries this one again.",
    )


def _place(error: BaseException) -> str:
    """Name the innermost function that raised: enough to find it, and no text of a record."""
    frames = list(traceback.walk_tb(error.__traceback__))
    frame, line = frames[-1]
    return f"{frame.f_code.co_qualname} line {line}"


def _origin() -> dict[str, JsonValue]:
    return {
        "braid": origin.own_version(),
        "commit": origin.commit(),
        "versions": dict(origin.versions(LIBRARIES)),
    }
