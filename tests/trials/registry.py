"""Every trial by its name in facts/reliability.md section 6, with the counts of its full and its quick form.

Adding a trial is a file of its own and one line here. R1 to R13 are about dying and damage, B about bombs and
lies in what is read, S about what a hostile or careless file could do.
"""

from __future__ import annotations

from tests.trials.bit_flips import bit_flips
from tests.trials.broken_entries import broken_entries
from tests.trials.faulty_disk import failing_disks, full_disk
from tests.trials.fuse_alone import fuse_alone
from tests.trials.interrupt import interrupt
from tests.trials.kill_extract import kill_extract
from tests.trials.kill_fuse import kill_fuse
from tests.trials.null_cohorts import null_cohorts
from tests.trials.races import races
from tests.trials.stateful_cache import stateful_cache
from tests.trials.trial import Counts, Trial, TrialFunction


def _trial(name: str, function: TrialFunction, full: Counts, quick: Counts | None) -> Trial:
    return Trial(name=name, function=function, full=full, quick=quick)


TRIALS = (
    _trial("R1", kill_extract, Counts(1000, 2), Counts(2)),
    _trial("R2", kill_fuse, Counts(200, 2), Counts(2)),
    _trial("R3", interrupt, Counts(50), Counts(3)),
    _trial("R6", full_disk, Counts(50, 10), Counts(6, 0)),
    _trial("R7", failing_disks, Counts(50), Counts(10)),
    _trial("R8", bit_flips, Counts(500), Counts(20)),
    _trial("R9", broken_entries, Counts(300), Counts(26)),
    _trial("R10", races, Counts(100, 8), Counts(4, 8)),
    _trial("R13", stateful_cache, Counts(50, 2000), Counts(5, 50)),
    _trial("fuse-alone", fuse_alone, Counts(1), None),
    _trial("null", null_cohorts, Counts(400), None),
)
