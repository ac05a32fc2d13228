"""R4: SIGKILL workers of `extract run --scheduler local` at random moments; the run goes on to its end.

Enters: a work folder, how many kills, a seed. Leaves: measured rows. Each run loses one worker or two, one
after the other; it must end with status 0 and leave, byte for byte, the cache of a run in peace.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from pathlib import Path

import psutil

from tests.measurement import Measured
from tests.trials.cache_state import damaged, fingerprint
from tests.trials.commands import PATIENCE_S, extract_words, must, start
from tests.trials.small_cohort import write_small
from tests.trials.trial import Counts, Tally, told

CASES, WORKERS, KILLS_PER_RUN = 6, 2, 2


def lost_workers(work: Path, counts: Counts, seed: int) -> list[Measured]:
    """Kill `counts.runs` workers, in runs that lose up to two each."""
    cohort = write_small(work / "cohort", CASES, seed)
    moments = random.Random(seed)
    quiet, cache = work / "quiet", work / "cache"
    must(*extract_words(cohort.manifest, cohort.raw, quiet, 1))
    expected = fingerprint(quiet)
    tally = Tally("cache/lost_workers_", "")
    landed = runs = 0
    with told("R4: workers killed", counts.runs) as advance:
        while landed < counts.runs:
            words = extract_words(cohort.manifest, cohort.raw, cache, WORKERS)
            process = start(*words, "--scheduler", "local")
            for _ in range(min(KILLS_PER_RUN, counts.runs - landed)):
                if _kill_a_worker(process, moments):
                    landed += 1
                    advance()
            status = process.wait(PATIENCE_S)
            runs += 1
            tally.count("runs_that_fail", status != 0, f"exit {status} of run {runs}")
            found = damaged(cache)
            tally.count("wrong_entries", bool(found), "; ".join(found))
            tally.count("caches_that_differ", fingerprint(cache) != expected, f"run {runs}")
            shutil.rmtree(cache)
    tally.source = (
        f"R4: {landed} of {WORKERS} dask workers killed in {runs} runs of {CASES} cases; seed {seed}"
    )
    return tally.rows()


def _kill_a_worker(process: subprocess.Popen[bytes], moments: random.Random) -> bool:
    """Kill one worker that has a child for its items, some moment after it has one; whether that was done."""
    while process.poll() is None:
        time.sleep(moments.uniform(0, 0.5))
        try:
            busy = [kid for kid in psutil.Process(process.pid).children() if _items_of(kid)]
            if busy:
                moments.choice(busy).kill()
                return True
        except psutil.NoSuchProcess:
            continue
    return False


def _items_of(worker: psutil.Process) -> bool:
    """Whether it is a worker with a child at work; headers are opened in children without children."""
    return any("spawn_main" in " ".join(kid.cmdline()) for kid in worker.children())
