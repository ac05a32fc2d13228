"""R3: SIGTERM and Ctrl-C in the midst of a run: it is out within seconds, and can be gone on with.

Enters: a work folder, how many signals, a seed. Leaves: measured rows. A terminal sends SIGINT to the whole
process group, a scheduler sends SIGTERM to the parent or to all; each is sent both ways. Exit codes are read
as a shell reads them: a process that a signal ended is 128 and its number. Exit 0 is right only where the
run had written its last file when the signal was sent: else it did not mind the signal.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.measurement import Measured
from tests.trials.commands import PATIENCE_S, end_group, must, start
from tests.trials.disturbed_runs import DisturbedRuns, quiet_of_few
from tests.trials.fused_cohort import unsynced_tiny
from tests.trials.small_cohort import write_small
from tests.trials.trial import Counts, Tally, told

#: In a full run, and in a quick one.
CASES, FEW_CASES = 6, 2
WAYS = tuple((what, group) for what in (signal.SIGTERM, signal.SIGINT) for group in (False, True))
#: Share of the signals that go to `fuse benchmark`.
FUSED = 0.2
LONGEST_S = 10.0
#: Fewer signals than this on a busy machine say nothing about seconds.
ENOUGH = 50


def interrupt(work: Path, counts: Counts, seed: int) -> list[Measured]:
    """Send `counts.runs` signals to runs of stage 1, and some of them to runs of stage 2."""
    to_fuse = round(counts.runs * FUSED)
    tally = Tally("cache/interrupt_", f"R3: {counts.runs} signals, {to_fuse} to fuse; seed {seed}")
    seconds = _interrupt_extract(work, counts.runs - to_fuse, seed, tally)
    if to_fuse:
        seconds += _interrupt_fuse(work / "fuse", to_fuse, seed, tally)
    slowest = max(seconds)
    enough = len(seconds) >= ENOUGH
    return [
        *tally.rows(),
        Measured(
            name="cache/interrupt_slowest_exit",
            value=slowest,
            unit="s",
            bar=f"<= {LONGEST_S:g}",
            met=slowest <= LONGEST_S if enough else None,
            input=tally.source,
        ),
    ]


def _interrupt_extract(work: Path, signals: int, seed: int, tally: Tally) -> list[float]:
    quick = signals < len(WAYS)
    cohort = write_small(work / "cohort", FEW_CASES if quick else CASES, seed)
    runs = DisturbedRuns(cohort=cohort, work=work / "runs", workers=2, seed=seed, tally=tally)
    if quick:
        runs.quiet = quiet_of_few(FEW_CASES, runs.workers, seed)
    runs.quiet_run()
    seconds: list[float] = []
    with told("R3: signals to extract run", signals) as advance:
        while len(seconds) < signals or runs.cache.exists():
            began = time.monotonic()
            before = set(runs.cache.glob("_runs/*"))  # those that were stopped
            process = runs.begin()
            if len(seconds) < signals:
                _wait_for(process, partial(_new_record, runs, before))
                runs.wait_a_moment(time.monotonic() - began)
            else:
                process.wait()
            if process.poll() is None:
                record = _new_record(runs, before)
                over = record is not None and (record / "report.json").is_file()
                seconds.append(_send(process, WAYS[len(seconds) % len(WAYS)], tally, over=over))
                advance()
                runs.look()
            else:
                runs.complete(process.wait())
    return seconds


def _new_record(runs: DisturbedRuns, before: set[Path]) -> Path | None:
    """Return the folder in which the run of now keeps its record, if it has made that yet."""
    return next(iter(set(runs.cache.glob("_runs/*")) - before), None)


def _interrupt_fuse(work: Path, signals: int, seed: int, tally: Tally) -> list[float]:
    tiny = unsynced_tiny(work / "tiny")
    run = work / "run"
    words = ("fuse", "benchmark", tiny.cohort, "--cache", tiny.cache, "--out", run)
    words = (*words, "--protocol", tiny.protocol, "--jobs", 1)
    began = time.monotonic()
    must(*words)
    whole_s = time.monotonic() - began
    moments = random.Random(f"{seed}/fuse")
    seconds: list[float] = []
    with told("R3: signals to fuse benchmark", signals) as advance:
        while len(seconds) < signals:
            shutil.rmtree(run, ignore_errors=True)
            began = time.monotonic()
            process = start(*words)
            _wait_for(process, lambda: next(work.glob(".fuse-*"), None))
            time.sleep(moments.uniform(0, max(0.0, whole_s - (time.monotonic() - began))))
            if process.poll() is None:
                over = run.exists()
                seconds.append(_send(process, WAYS[len(seconds) % len(WAYS)], tally, over=over))
                advance()
                tally.count("partial_outputs", run.exists() and not (run / "report.html").is_file())
    return seconds


def _wait_for(process: subprocess.Popen[bytes], first_mark: Callable[[], Path | None]) -> None:
    """Wait until the run has left its first mark: Python itself, while it starts, minds no manners."""
    while process.poll() is None and first_mark() is None:
        time.sleep(0.02)


def _send(
    process: subprocess.Popen[bytes], way: tuple[signal.Signals, bool], tally: Tally, *, over: bool
) -> float:
    """Send one signal, judge the exit and what is left of the group; return the seconds it took.

    `over` is whether the run had written its last file before.
    """
    what, group = way
    sent = time.monotonic()
    if group:
        os.killpg(process.pid, what)
    else:
        process.send_signal(what)
    try:
        status = process.wait(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        end_group(process.pid)
        status = process.wait()
    took = time.monotonic() - sent
    as_shell = status if status >= 0 else 128 - status
    how = f"{what.name} to {'the group' if group else 'the parent'}: exit {as_shell}"
    # a run that was over when the signal came has done what was asked of it
    tally.count("wrong_exits", as_shell not in ((128 + what, 0) if over else (128 + what,)), how)
    while _alive(process.pid) and time.monotonic() - sent < max(LONGEST_S, took):
        time.sleep(0.05)
    tally.count("workers_left_behind", end_group(process.pid), how)
    return took


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
