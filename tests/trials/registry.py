"""Every trial by its name in facts/reliability.md section 6, with the counts of its full and its quick form.

Adding a trial is a file of its own and one line here. R1 to R13 are about dying and damage, B about bombs and
lies in what is read, G about where things are on slides, S about what a hostile or careless file could do.
"""

from __future__ import annotations

from tests.trials.bit_flips import bit_flips
from tests.trials.broken_entries import broken_entries
from tests.trials.canaries import canaries
from tests.trials.code_gate import code_gate
from tests.trials.faulty_disk import failing_disks, full_disk
from tests.trials.formulas import formulas
from tests.trials.fuse_alone import fuse_alone
from tests.trials.geometry import geometry
from tests.trials.header_lies import header_lies
from tests.trials.hostile_markup import hostile_markup
from tests.trials.interrupt import interrupt
from tests.trials.kill_extract import kill_extract
from tests.trials.kill_fuse import kill_fuse
from tests.trials.label_errors import label_errors
from tests.trials.lost_workers import lost_workers
from tests.trials.pickle_payloads import pickle_payloads
from tests.trials.races import races
from tests.trials.size_bombs import size_bombs
from tests.trials.sockets import sockets
from tests.trials.stateful_cache import stateful_cache
from tests.trials.traversals import traversals
from tests.trials.trial import Counts, Trial, TrialFunction
from tests.trials.volume_headers import volume_headers


def _trial(name: str, function: TrialFunction, full: Counts, quick: Counts | None) -> Trial:
    return Trial(name=name, function=function, full=full, quick=quick)


TRIALS = (
    _trial("R1", kill_extract, Counts(1000, 2), Counts(2)),
    _trial("R2", kill_fuse, Counts(200, 2), Counts(2)),
    _trial("R3", interrupt, Counts(50), Counts(2)),
    _trial("R4", lost_workers, Counts(100), Counts(1)),
    _trial("R6", full_disk, Counts(50, 10), Counts(6, 0)),
    _trial("R7", failing_disks, Counts(50), Counts(10)),
    _trial("R8", bit_flips, Counts(500), Counts(20)),
    _trial("R9", broken_entries, Counts(300), Counts(26)),
    _trial("R10", races, Counts(100, 8), Counts(2, 8)),
    _trial("R13", stateful_cache, Counts(50, 2000), Counts(5, 50)),
    _trial("B2", size_bombs, Counts(33), Counts(6)),
    _trial("B3", header_lies, Counts(65), Counts(8)),
    _trial("B4", label_errors, Counts(64), Counts(9)),
    _trial("B5", volume_headers, Counts(222, 70), Counts(20, 7)),
    _trial("G1", geometry, Counts(200), Counts(5)),
    _trial("S1", pickle_payloads, Counts(40), Counts(3)),
    _trial("S2", traversals, Counts(100), Counts(24)),
    _trial("S3", hostile_markup, Counts(40), Counts(5)),
    _trial("S5", formulas, Counts(30), Counts(12)),
    _trial("S6", canaries, Counts(200), Counts(60)),
    _trial("S7", sockets, Counts(99, 2), Counts(2)),
    _trial("S8", code_gate, Counts(1), Counts(1)),
    _trial("fuse-alone", fuse_alone, Counts(1), None),
)
