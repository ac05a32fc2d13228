"""Writers that are killed, and writers that race, in processes of their own; run by test_commit.py.

`killed_writers.py kill ROOT FORM KILLS SEED` and `killed_writers.py race ROOT FORM WRITERS` print one JSON
object. This process only forks: what touches an array runs in a child, because Zarr keeps threads.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import h5py  # noqa: F401  loaded once, before the forks
import numpy as np
import zarr  # noqa: F401

from feature_cache.array_format import FormatName
from feature_cache.entry import EntryDraft, EntryKey, Source
from feature_cache.recipe import ResolvedRecipe
from feature_cache.store import FeatureCache

RECIPE = ResolvedRecipe(name="weightfree", modality="slides", settings={"mpp": 0.5})
ITEMS = 4
STEPS = frozenset(["open", "os.mkdir", "os.rename", "os.remove", "os.rmdir"])

# SIGKILL keeps what the kernel has, so fsync would cost time and show nothing.
os.fsync = lambda handle: None


def draft(item: int, version: str) -> EntryDraft:
    rng = np.random.default_rng([item, len(version)])
    return EntryDraft(
        key=EntryKey.of("chimera", RECIPE, f"case-{item // 2}", f"slide-{item}"),
        kind="bag",
        sources=(Source(role="slide", sha256=hashlib.sha256(version.encode()).hexdigest(), bytes=9),),
        arrays={
            "embeddings": rng.random((200, 64), dtype=np.float32),
            "xy_px0": np.zeros((200, 2), dtype="<i4"),
            "valid": rng.random(200) < 0.5,
        },
        settings=RECIPE.settings,
    )


def write_all(root: Path, form: FormatName, version: str = "second", items: int = ITEMS) -> list[str]:
    cache = FeatureCache.create(root, form)
    return [cache.commit(draft(item, version)) for item in range(items)]


def all_verify(root: Path) -> bool:
    return all(check.ok for check in FeatureCache.open(root).verify())


def verified_and_rerun(root: Path, form: FormatName) -> bool:
    verified = all_verify(root)
    write_all(root, form)
    return verified


def entries(root: Path) -> dict[str, str]:
    """Return the sha256 of every file outside the rooms."""
    files = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items() if name[0] != "_"
    }


def forked(work: Callable[[], object], answer: Path | None = None) -> int:
    """Start `work` in a child and return its process id; its result goes to `answer` as JSON."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            result = work()
            if answer is not None:
                answer.write_text(json.dumps(result))
            status = 0
        finally:
            os._exit(status)
    return child


def finished(child: int) -> int:
    """Wait for a child; its exit status, or minus the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def count_steps(root: Path, last: int = 0) -> list[str]:
    """Note each time this process opens, makes, moves or removes a file below `root`; at `last`, die."""
    steps: list[str] = []

    def watch(event: str, details: tuple[object, ...]) -> None:
        if event in STEPS and str(root) in str(details[0]):
            steps.append(event)
            if len(steps) == last:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    return steps


def write_counted(root: Path, form: FormatName, last: int = 0) -> int:
    """Write all, but no further than step `last`; return the number of steps."""
    steps = count_steps(root, last)
    write_all(root, form)
    return len(steps)


def kill(root: Path, form: FormatName, kills: int, seed: int) -> dict[str, object]:
    """Kill a writer that makes two entries and replaces two, at random steps and at random moments."""
    rng = random.Random(seed)
    start, undisturbed, place, answer = (root / name for name in ("start", "undisturbed", "cache", "answer"))
    root.mkdir()
    assert finished(forked(lambda: write_all(start, form, "first", 2))) == 0
    shutil.copytree(start, undisturbed)
    before = time.perf_counter()
    assert finished(forked(lambda: write_counted(undisturbed, form), answer)) == 0
    seconds = time.perf_counter() - before
    steps, expected = json.loads(answer.read_text()), entries(undisturbed)
    outcome = {"killed": 0, "damaged": 0, "different": 0, "unfinished": 0, "left over": 0, "steps": steps}
    for number in range(kills):
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(start, place)
        step = rng.randint(1, steps)
        if number % 2:
            child = forked(lambda step=step: write_counted(place, form, step))
        else:
            child = forked(lambda: write_all(place, form))
            time.sleep(rng.uniform(0, seconds))
            os.kill(child, signal.SIGKILL)
        outcome["killed"] += finished(child) == -signal.SIGKILL
        outcome["unfinished"] += finished(forked(lambda: verified_and_rerun(place, form), answer)) != 0
        outcome["damaged"] += answer.read_text() != "true"
        outcome["different"] += entries(place) != expected
        FeatureCache.open(place).gc(older_than_s=0)
        outcome["left over"] += sum(FeatureCache.open(place).status().boxes.values())
    return outcome


def race(root: Path, form: FormatName, writers: int) -> dict[str, object]:
    """Let several processes commit the same new entries, and then the same changed ones, at once."""
    root.mkdir()
    place, answers = root / "cache", [root / str(number) for number in range(writers)]
    results = {}
    for version in ("first", "second"):
        children = [
            forked(lambda version=version: write_all(place, form, version, 20), path) for path in answers
        ]
        statuses = [finished(child) for child in children]
        results[version] = list(zip(*(json.loads(path.read_text()) for path in answers), strict=True))
        assert statuses == [0] * writers
        assert finished(forked(lambda: all_verify(place), root / "verified")) == 0
        results[f"{version} verified"] = json.loads((root / "verified").read_text())
    alone = root / "alone"
    assert finished(forked(lambda: write_all(alone, form, "second", 20))) == 0
    results["same bytes"] = entries(alone) == entries(place)
    results["boxes"] = FeatureCache.open(place).status().boxes
    return results


if __name__ == "__main__":
    verb, root, form, *numbers = sys.argv[1:]
    print(json.dumps({"kill": kill, "race": race}[verb](Path(root), form, *map(int, numbers))))
