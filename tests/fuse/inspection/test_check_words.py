"""What a reader of `fuse check` is told of who lacks what: no share without an interval, and by which day."""

from __future__ import annotations

import math
from dataclasses import replace

from fuse.inspection.check_words import facts_of
from fuse.inspection.checked import check_inputs
from fuse.inspection.inspection import RunInputs
from fuse.inspection.missingness import Group, Missing
from fuse.protocol import read_protocol
from tests.fuse.tiny_cohort import Tiny


def test_shares_are_of_a_day_and_a_curve_that_ended_gives_none(tiny: Tiny) -> None:
    inputs = RunInputs(
        cohort_folder=tiny.cohort, cache=tiny.cache, protocol=read_protocol(str(tiny.protocol))
    )
    checked = check_inputs(inputs)
    seen = Group(name="observed", n=54, events=8, share=0.23, low=0.12, high=0.42)
    ended = Group(name="missing", n=6, events=1, share=1.0, low=math.nan, high=math.nan)
    row = Missing(
        what="clinical: LDL",
        groups=(seen, ended),
        interval="Kaplan-Meier, log(-log) limits",
        test="log-rank",
        p=0.64,
        holm=1.0,
    )
    *_, head, told = facts_of(replace(checked, missing=(row,)))
    assert checked.inspection.horizon is not None
    day = f"{checked.inspection.horizon.days:g}"
    assert head == (
        f"who lacks what: cases, events, and the share with the event by day {day} "
        "(Kaplan-Meier, log(-log) limits)"
    )
    assert told == (
        "missing, clinical: LDL: observed 54 cases, 8 events, 23% (12% to 42%); missing 6 cases, 1 event "
        "(log-rank p 0.64, 1 by Holm)"
    )
