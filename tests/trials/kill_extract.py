"""R1: SIGKILL `extract run` at random moments, look at what is left, go on, compare with a quiet run.

Enters: a work folder, how many kills, a seed. Leaves: measured rows for one worker and for two. Half of the
kills take the whole process group, half the parent alone, whose workers then meet the next run. SIGKILL keeps
the page cache: this tests the logic of the commit protocol, not a power cut.
"""

from __future__ import annotations

import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.measurement import Measured
from tests.trials.commands import end_group
from tests.trials.disturbed_runs import DisturbedRuns, quiet_of_few
from tests.trials.small_cohort import SmallCohort, write_small
from tests.trials.trial import Counts, Tally, told

#: In a full run, and in a quick one.
CASES, FEW_CASES = 6, 2
WORKERS = (2, 1)
#: Fewer kills than this are those of a quick run, on the few cases.
FULL = 10


def kill_extract(work: Path, counts: Counts, seed: int) -> list[Measured]:
    """Kill `counts.runs` times in all, in `counts.each` loops side by side: with two workers, with one."""
    loops_of = WORKERS[: counts.each]
    kills = counts.runs // len(loops_of)
    cohort = write_small(work / "cohort", FEW_CASES if kills < FULL else CASES, seed)
    with ThreadPoolExecutor(len(loops_of)) as pool:
        loops = [pool.submit(_kill, cohort, work / str(n), n, (kills, seed)) for n in loops_of]
        return [row for loop in loops for row in loop.result()]


def _kill(cohort: SmallCohort, work: Path, workers: int, told_to: tuple[int, int]) -> list[Measured]:
    kills, seed = told_to
    tally = Tally(f"cache/kill_extract_{workers}_workers_", "")
    runs = DisturbedRuns(cohort=cohort, work=work, workers=workers, seed=seed, tally=tally)
    if kills < FULL:
        runs.quiet = quiet_of_few(FEW_CASES, workers, seed)
    _, whole_s = runs.quiet_run()
    landed, outlived, orphans = 0, 0, None
    with told(f"R1, {workers} worker(s): kills", kills) as advance:
        while landed < kills or runs.cache.exists():
            process = runs.begin()
            if landed < kills:
                runs.wait_a_moment()
            else:
                process.wait()
            if process.poll() is None:
                _strike(process, group=landed % 2 == 1)
            status = process.wait()
            killed = status == -signal.SIGKILL  # it may have ended between the look and the kill
            # workers of the run before, whose parent was killed alone, had this run's time to notice
            outlived += orphans is not None and end_group(orphans)
            orphans = process.pid if killed and not landed % 2 else None
            runs.look()
            if killed:
                landed += 1
                advance()
            else:
                runs.complete(status)
    if orphans is not None:
        end_group(orphans)
    tally.source = (
        f"R1: {landed} kills of runs of {whole_s:.1f} s; seed {seed}; "
        f"{runs.completed} caches completed and compared; after {outlived} of {landed // 2} kills of the "
        "parent alone a worker was still there one run later"
    )
    return tally.rows()


def _strike(process: subprocess.Popen[bytes], *, group: bool) -> None:
    """Send SIGKILL to the whole group, or to the parent alone."""
    if group:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
