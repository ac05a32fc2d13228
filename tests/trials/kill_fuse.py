"""R2: SIGKILL `fuse benchmark` and `fuse report` at random moments: nothing half done under the final name.

Enters: a work folder, how many kills, a seed. Leaves: measured rows. After each kill the run's folder is
absent or equal to that of a quiet run, and the page is the old one or the new one; every `REDONE`th kill the
command is given again and must give the quiet run's bytes.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.fuse.tiny_cohort import PROTOCOL, Tiny
from tests.measurement import Measured
from tests.trials.cache_state import fingerprint
from tests.trials.commands import must, start
from tests.trials.fused_cohort import unsynced_tiny
from tests.trials.trial import Counts, Tally, told

JOBS = (1, 2)
REDONE = 8
#: Share of the kills that go to `fuse report`.
REPORTS = 0.25
#: The least that makes every file of a run.
ARMS = [{"model": "null", "modalities": "none"}, {"model": "ridge_cox", "modalities": ["clinical"]}]
LIGHT = {**PROTOCOL, "folds": 2, "fusion": [], "arms": ARMS}
OLD_PAGE = "the page of before\n"


@dataclass(frozen=True)
class _Target:
    """A command to kill: its words, how to make its place ready, what that holds, what lies beside it."""

    name: str
    words: tuple[object, ...]
    ready: Callable[[], None]
    state: Callable[[], str]
    beside: Callable[[], int] = lambda: 0


def kill_fuse(work: Path, counts: Counts, seed: int) -> list[Measured]:
    """Kill `counts.runs` times: in `counts.each` loops side by side (one job, two), then the report."""
    loops_of = JOBS[: counts.each]
    tiny = unsynced_tiny(work / "tiny")
    if len(loops_of) == 1:  # a quick run
        tiny.protocol.write_text(yaml.safe_dump(LIGHT), encoding="utf-8")
    reports = max(1, round(counts.runs * REPORTS))
    benchmarks = max(1, (counts.runs - reports) // len(loops_of))
    with ThreadPoolExecutor(len(loops_of)) as pool:
        loops = [
            pool.submit(_kill_benchmark, tiny, work / f"jobs-{n}", n, (benchmarks, seed)) for n in loops_of
        ]
        rows = [row for loop in loops for row in loop.result()]
    return rows + _kill_report(work / f"jobs-{JOBS[0]}" / "run", reports, seed)


def _kill_benchmark(tiny: Tiny, work: Path, jobs: int, told_to: tuple[int, int]) -> list[Measured]:
    kills, seed = told_to
    work.mkdir()
    run = work / "run"
    command = ("fuse", "benchmark", tiny.cohort, "--cache", tiny.cache, "--out", run)
    target = _Target(
        f"benchmark_{jobs}_jobs",
        (*command, "--protocol", tiny.protocol, "--jobs", jobs),
        ready=lambda: shutil.rmtree(run, ignore_errors=True),
        state=lambda: fingerprint(run) if run.exists() else "absent",
        beside=lambda: sum(1 for path in work.iterdir() if path.name.startswith(".")),
    )
    return _kill(target, "absent", kills, seed)


def _kill_report(run: Path, kills: int, seed: int) -> list[Measured]:
    page = run / "report.html"

    def ready() -> None:
        page.write_text(OLD_PAGE, encoding="utf-8")

    ready()
    target = _Target("report", ("fuse", "report", run), ready=ready, state=lambda: fingerprint(run))
    return _kill(target, fingerprint(run), kills, seed)


def _kill(target: _Target, before: str, kills: int, seed: int) -> list[Measured]:
    """Kill until enough kills landed; the place may be as `before` or as after a quiet run, nothing else."""
    tally = Tally(f"fuse/kill_{target.name}_", "")
    began = time.monotonic()
    target.ready()
    must(*target.words)
    whole_s, whole = time.monotonic() - began, target.state()
    moments = random.Random(f"{seed}/{target.name}")
    landed = redone = 0
    with told(f"R2, {target.name}: kills", kills) as advance:
        while landed < kills:
            target.ready()
            process = start(*target.words)
            time.sleep(moments.uniform(0, whole_s))
            if process.poll() is None and landed % 2:
                process.kill()
            elif process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            killed = process.wait() == -signal.SIGKILL  # it may have ended between the look and the kill
            tally.count("partial_outputs", target.state() not in (before, whole), f"kill {landed}")
            if not killed:
                continue
            landed += 1
            advance()
            if landed % REDONE == 0 or landed == kills:
                target.ready()
                must(*target.words)
                redone += 1
                tally.count("reruns_that_differ", target.state() != whole, f"after kill {landed}")
                tally.count("left_behind", target.beside() > 0, f"hidden folders after kill {landed}")
    tally.source = f"R2: {landed} kills of runs of {whole_s:.1f} s, {redone} done again; seed {seed}"
    return tally.rows()
