"""Several processes that commit one key at the same moment; run by `races.py` as a script of its own.

`racing_writers.py ROOT FORM RACES WRITERS` prints one JSON object of misses. This process only forks:
what touches an array runs in a child, because Zarr keeps threads.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import h5py  # noqa: F401  loaded once, before the forks
import zarr  # noqa: F401

from feature_cache.array_format import FormatName
from feature_cache.store import FeatureCache
from tests.trials.cache_state import damaged, fingerprint, left_over
from tests.trials.drafts import make_draft

PATIENCE_S = 300
FORKS: Any = multiprocessing.get_context("fork")

# a race is about who comes first, not about what a power cut leaves
os.fsync = lambda handle: None


def commit(root: Path, form: FormatName, race: int, version: int, gate: Any, results: Any) -> None:
    """Wait for the others, then commit; say what became of it."""
    draft = make_draft("bag", f"case-{race % 7}", f"slide-{race}", version, rows=200)
    cache = FeatureCache.open(root, form)
    gate.wait(PATIENCE_S)
    try:
        results.put(cache.commit(draft))
    except Exception as error:  # noqa: BLE001  whatever a writer raises is a miss, and said
        results.put(f"{type(error).__name__}: {error}")


def race(root: Path, form: FormatName, number: int, version: int, writers: int) -> list[str]:
    """Let `writers` processes commit one draft at once; return what each said."""
    gate, results = FORKS.Barrier(writers), FORKS.SimpleQueue()
    arguments = (root, form, number, version, gate, results)
    children = [FORKS.Process(target=commit, args=arguments) for _ in range(writers)]
    for child in children:
        child.start()
    said = [results.get() for _ in children]
    for child in children:
        child.join(PATIENCE_S)
    return said


def look(root: Path, quiet: Path, form: FormatName, races: int, answers: Any) -> None:
    """In a child: verify, gc, and compare with a cache that one writer made alone."""
    alone = FeatureCache.create(quiet, form)
    for number in range(races):
        alone.commit(make_draft("bag", f"case-{number % 7}", f"slide-{number}", number % 2, rows=200))
    wrong = damaged(root)
    FeatureCache.open(root).gc(older_than_s=0)
    answers.put(
        (len(wrong), left_over(root), left_over(root, "_trash"), fingerprint(root) == fingerprint(quiet))
    )


def main(root: Path, form: FormatName, races: int, writers: int) -> dict[str, Any]:
    """Race for new keys; every second key is raced for once more with another source."""
    FeatureCache.create(root, form)
    outcome: dict[str, Any] = {"not_one_winner": [], "replacements": [], "winners_again": []}
    for number in range(races):
        said = race(root, form, number, 0, writers)
        if Counter(said) != {"committed": 1, "already_there": writers - 1}:
            outcome["not_one_winner"].append(said)
        if number % 2:
            said = race(root, form, number, 1, writers)
            winners = {"replaced", "committed"}
            outcome["winners_again"].append(sum(one in winners for one in said))
            if not set(said) <= winners | {"already_there"} or not set(said) & winners:
                outcome["replacements"].append(said)
        sys.stderr.write(f"{number + 1}\n")
        sys.stderr.flush()
    answers = FORKS.SimpleQueue()
    child = FORKS.Process(
        target=look, args=(root, root.with_name(f"{root.name}-quiet"), form, races, answers)
    )
    child.start()
    outcome["damaged"], outcome["left_in_tmp"], outcome["left_in_trash"], outcome["same_bytes"] = (
        answers.get()
    )
    child.join(PATIENCE_S)
    return outcome


if __name__ == "__main__":
    place, name, *numbers = sys.argv[1:]
    print(json.dumps(main(Path(place), name, *map(int, numbers))))
