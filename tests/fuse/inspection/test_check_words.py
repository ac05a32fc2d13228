"""What a reader of `fuse check` is told of who lacks what: no share without an interval, and by which day."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from fuse.cases import Cases, Modality
from fuse.inspection.check_words import facts_of, share_words
from fuse.inspection.checked import check_inputs
from fuse.inspection.inspection import RunInputs
from fuse.inspection.missingness import Group, Missing, missing_against_outcome
from fuse.outcomes.outcomes import Survival
from fuse.protocol import read_protocol
from tests.fuse.tiny_cohort import Tiny


def test_shares_are_of_a_day_and_a_curve_that_ended_gives_none(tiny: Tiny) -> None:
    inputs = RunInputs(
        cohort_folder=tiny.cohort, cache=tiny.cache, protocol=read_protocol(str(tiny.protocol))
    )
    checked = check_inputs(inputs)
    seen = Group(name="observed", n=54, events=8, by_day=7, share=0.23, low=0.12, high=0.42)
    ended = Group(name="missing", n=6, events=1, by_day=1, share=1.0, low=math.nan, high=math.nan)
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
        "missing, clinical: LDL: observed 54 cases, 8 events (7 by then), 23% (12% to 42%); "
        "missing 6 cases, 1 event (log-rank p 0.64, 1 by Holm)"
    )


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.0, "0%"),
        (1 / 300, "0.3%"),
        (0.0002, "under 0.1%"),
        (0.2349, "23%"),
        (0.004, "0.4%"),
        (0.0096, "1.0%"),
        (0.996, "99.6%"),
        (0.9999, "over 99.9%"),
        (1.0, "100%"),
    ],
)
def test_a_share_that_is_not_nothing_is_not_called_nothing(share: float, words: str) -> None:
    assert share_words(share) == words


def test_events_after_the_day_are_not_in_the_share() -> None:
    outcome = Survival(
        event=np.array([True, True, False, False]), time_days=np.array([10.0, 900.0, 950.0, 990.0])
    )
    (row,) = missing_against_outcome(lacking(np.array([1.0, 2.0, 3.0, np.nan])), outcome, 500.0, ["clinical"])
    (observed, absent) = row.groups
    assert (observed.n, observed.events, observed.by_day) == (3, 2, 1)
    assert observed.share == pytest.approx(1 / 3)
    assert (absent.events, absent.by_day) == (0, 0)


def lacking(values: np.ndarray) -> Cases:
    modality = Modality(
        name="clinical",
        feature_set="s",
        present=np.ones(len(values), dtype=np.bool_),
        columns=("psa",),
        values=values[:, None],
    )
    return Cases(case_ids=tuple(map(str, range(len(values)))), modalities={"clinical": modality})
