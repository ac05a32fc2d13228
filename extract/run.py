"""Work items in, committed entries out.

Enters: tasks of a plan and a cache. Leaves: entries, and a receipt of what became of each item. Tasks are
independent and idempotent: a run that was killed anywhere is finished by running it again. They are done in
the child processes of `pool.py`; what goes wrong there, the end of the child included, is the task's alone.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from pydantic import JsonValue

from extract.caps import Caps
from extract.item import Task, WorkItem
from extract.pool import Death, run_capped
from extract.stages import SHARED_PASS, STAGES
from extract.steps import Seconds, accounted, step
from feature_cache import origin
from feature_cache.entry import EntryDraft, EntryKey, Source
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
    """What a worker sends back: never an array. `problem` is None where the entry is in the cache.

    What items share of a pass over one file is in the `seconds` of the first.
    """

    key: EntryKey
    outcome: Outcome
    problem: Problem | None = None
    seconds: Seconds = field(default_factory=dict)


def run_items(
    tasks: Iterable[Task], cache: FeatureCache, workers: int, caps: Caps, readers: int = 1
) -> Generator[Receipt, None, None]:
    """Make every item in `workers` child processes, `readers` tasks in each; yield receipts as they come.

    Closing the iterator ends the tasks in hand: their entries stay absent.
    """
    function = partial(extract_items, cache=cache)
    with closing(run_capped(function, tasks, caps, workers, readers)) as outcomes:
        for task, outcome in outcomes:
            yield from lost(task, outcome) if isinstance(outcome, Death) else outcome


def extract_items(task: Task, cache: FeatureCache) -> tuple[Receipt, ...]:
    """Make the entries of one task and commit them; what a user can act on becomes failed receipts."""
    receipts: dict[int, Receipt] = {}
    with accounted() as seconds:
        todo = _sources(task, cache, receipts)
        drafts = _build(tuple(task[number] for number in todo), tuple(todo.values()))
        for number, draft in zip(todo, drafts, strict=True):
            receipts[number] = _commit(task[number], draft, cache)
    receipts[0] = replace(receipts[0], seconds=seconds)
    return tuple(receipts[number] for number in range(len(task)))


def lost(task: Task, death: Death) -> tuple[Receipt, ...]:
    """Return the receipts of a task whose child was ended or died."""
    return tuple(Receipt(key=item.key, outcome="failed", problem=_lost(item, death)) for item in task)


def _sources(task: Task, cache: FeatureCache, receipts: dict[int, Receipt]) -> dict[int, tuple[Source, ...]]:
    """Return the sources of those items that are to be made; the others have their receipt."""
    todo: dict[int, tuple[Source, ...]] = {}
    with step("hash"):
        for number, item in enumerate(task):
            try:
                sources = STAGES[item.block].sources(item, cache.hash_file)
                if cache.is_done(item.key, sources):
                    receipts[number] = Receipt(key=item.key, outcome="already_there")
                else:
                    todo[number] = sources
            except BraidError as error:
                receipts[number] = Receipt(key=item.key, outcome="failed", problem=error.as_problem())
    return todo


def _build(task: Task, sources: tuple[tuple[Source, ...], ...]) -> tuple[EntryDraft | BraidError, ...]:
    if not task:
        return ()
    block = task[0].block
    try:
        if block in SHARED_PASS:
            return SHARED_PASS[block].build_together(task, sources)
        return tuple(STAGES[block].build(item, found) for item, found in zip(task, sources, strict=True))
    except BraidError as error:
        return (error,) * len(task)


def _commit(item: WorkItem, draft: EntryDraft | BraidError, cache: FeatureCache) -> Receipt:
    if isinstance(draft, BraidError):
        return Receipt(key=item.key, outcome="failed", problem=draft.as_problem())
    try:
        with step("write"):
            result = cache.commit(replace(draft, used={**draft.used, **_origin()}))
        return Receipt(key=item.key, outcome=result)
    except BraidError as error:
        return Receipt(key=item.key, outcome="failed", problem=error.as_problem())


def _lost(item: WorkItem, death: Death) -> Problem:
    expected = f"a readable {item.key.modality} item"
    return death.as_problem(str(item), expected, _REMEDIES[death.cause])


def _origin() -> dict[str, JsonValue]:
    return {
        "braid": origin.own_version(),
        "commit": origin.commit(),
        "versions": dict(origin.versions(LIBRARIES)),
    }
