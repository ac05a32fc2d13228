"""`extract run` on a small cohort, to be disturbed, gone on with, and compared with a run in peace.

Enters: a folder, workers, a seed. Leaves: processes to kill, and whether what they leave is right: every
entry verifies, and once a run comes to its end the cache is byte for byte that of the quiet run.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from feature_cache.array_format import FormatName
from tests.trials.cache_state import damaged, fingerprint
from tests.trials.commands import extract_words, must, start
from tests.trials.small_cohort import SmallCohort
from tests.trials.trial import Tally

#: What runs in peace leave and take, by the form of their cache: fingerprint and seconds.
Quiet = dict[FormatName, tuple[str, float]]


@cache
def quiet_of_few(cases: int, workers: int, seed: int) -> Quiet:
    """Return where the quick trials of one process, whose cohorts are the same bytes, share their quiet runs.

    The full ones do not: two of their loops run side by side, so that each has a length of its own.
    """
    del cases, workers, seed
    return {}


@dataclass
class DisturbedRuns:
    """Runs into one cache after another; each cache is gone on with until a run completes it."""

    cohort: SmallCohort
    work: Path
    workers: int
    seed: int
    tally: Tally
    quiet: Quiet = field(default_factory=dict)
    completed: int = 0

    def __post_init__(self) -> None:
        """Seed the moments and begin with one of the two forms, each loop with another."""
        self.work.mkdir(parents=True)
        self.moments = random.Random(f"{self.seed}/{self.workers}")

    @property
    def form(self) -> FormatName:
        """The form of the cache in hand: the two take turns."""
        return "zarr" if (self.completed + self.workers) % 2 else "hdf5"

    @property
    def cache(self) -> Path:
        """The cache in hand."""
        return self.work / "cache"

    def begin(self) -> subprocess.Popen[bytes]:
        """Start or go on with the cache in hand."""
        words = extract_words(self.cohort.manifest, self.cohort.raw, self.cache, self.workers)
        return start(*words, "--format", self.form)

    def wait_a_moment(self, already_s: float = 0.0) -> None:
        """Wait a uniformly random part of what is left of the length of a whole run."""
        _, whole_s = self.quiet_run()
        time.sleep(self.moments.uniform(0, max(0.0, whole_s - already_s)))

    def quiet_run(self) -> tuple[str, float]:
        """Return the fingerprint and the seconds of an undisturbed run in the form in hand."""
        if self.form not in self.quiet:
            cache = self.work / f"quiet-{self.form}"
            words = extract_words(self.cohort.manifest, self.cohort.raw, cache, self.workers)
            if not self.quiet:  # the first run compiles and fills caches: its length is no run's
                must(*words, "--format", self.form)
                shutil.rmtree(cache)
            began = time.monotonic()
            must(*words, "--format", self.form)
            self.quiet[self.form] = fingerprint(cache), time.monotonic() - began
            shutil.rmtree(cache)
        return self.quiet[self.form]

    def look(self) -> None:
        """Count what verifies wrong right now."""
        found = damaged(self.cache)
        self.tally.count("wrong_entries", bool(found), "; ".join(found))

    def complete(self, status: int) -> None:
        """A run came to its end by itself: compare the cache with the quiet one, and begin anew."""
        self.tally.count("runs_that_fail", status != 0, f"exit {status} of {self.form}")
        self.look()
        expected, _ = self.quiet_run()
        differs = fingerprint(self.cache) != expected
        self.tally.count("caches_that_differ", differs, f"{self.form}, cache {self.completed}")
        shutil.rmtree(self.cache)
        self.completed += 1
