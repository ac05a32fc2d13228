"""A real disk that is too small, where this process may mount one: `extract run` onto it, then more space.

Enters: a folder, how many disks, a seed. Leaves: measured rows; a row without a value where nothing can be
mounted. Native code meets the full disk here too, and so do the tables of the run beside the entries.
"""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

from tests.measurement import Measured
from tests.trials.cache_state import damaged, fingerprint, left_over
from tests.trials.commands import extract_words, must, run
from tests.trials.small_cohort import SmallCohort, write_small
from tests.trials.trial import Tally, told

CASES = 3
ENOUGH = "64m"


def fill_small_disks(work: Path, disks: int, seed: int) -> list[Measured]:
    """Run on `disks` disks of random sizes that do not hold the cache."""
    if disks == 0:
        return []
    tally = Tally("cache/small_disk_", f"R6: {disks} mounted disks, too small; seed {seed}")
    cohort = write_small(work / "cohort", CASES, seed)
    quiet = work / "quiet"
    must(*extract_words(cohort.manifest, cohort.raw, quiet, 1))
    expected = fingerprint(quiet)
    whole_kb = sum(path.stat().st_blocks // 2 for path in quiet.rglob("*"))
    generator = random.Random(seed)
    disk = work / "disk"
    disk.mkdir()
    with told("R6: small disks", disks) as advance:
        for _ in range(disks):
            size_kb = generator.randint(12, whole_kb * 3 // 4)
            if not _mount(disk, f"size={size_kb}k"):
                return [_unmounted(tally.source)]
            try:
                _fill(cohort, disk, f"{size_kb} of {whole_kb} kB", tally)
                _mount(disk, f"remount,size={ENOUGH}")
                done = run(*extract_words(cohort.manifest, cohort.raw, disk / "cache", 1))
                same = done.returncode == 0 and fingerprint(disk / "cache") == expected
                tally.count("caches_that_differ", not same, f"{size_kb} kB: {done.stdout}{done.stderr}")
            finally:
                subprocess.run(["umount", str(disk)], check=True)
            advance()
    return tally.rows()


def _fill(cohort: SmallCohort, disk: Path, what: str, tally: Tally) -> None:
    done = run(*extract_words(cohort.manifest, cohort.raw, disk / "cache", 1))
    said = done.stdout + done.stderr
    clear = done.returncode == 1 and "Traceback" not in said and "No space left on device" in said
    tally.count("unclear_errors", not clear, f"{what}: exit {done.returncode}: {said[-600:]}")
    found = damaged(disk / "cache")
    tally.count("wrong_entries", bool(found), f"{what}: {found[:1]}")
    tally.count("halves_left_behind", left_over(disk / "cache") > 0, what)


def _mount(disk: Path, options: str) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def _unmounted(source: str) -> Measured:
    return Measured(
        name="cache/small_disk_wrong_entries",
        value=None,
        unit="misses",
        bar="0",
        met=None,
        input=f"{source}; this user may not mount a disk",
    )
