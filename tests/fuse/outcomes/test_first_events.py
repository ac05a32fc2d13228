"""Which of several nested events came first: by hand, and through the door."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import yaml

from feature_cache.cohort import inspect_cohort
from fuse.outcomes.endpoint import inspect_outcomes, open_outcomes
from fuse.outcomes.first_events import first_events
from fuse.outcomes.outcome_kinds import OutcomeTable
from fuse.outcomes.outcomes import Competing, Survival
from tests.fuse.tiny_cohort import CARD, write_rows


def table(rows: dict[str, tuple[bool, float]]) -> OutcomeTable:
    events, times = zip(*rows.values(), strict=True)
    outcome = Survival(event=np.array(events), time_days=np.array(times, dtype=float))
    return OutcomeTable(case_ids=tuple(rows), outcome=outcome)


READMITTED = table(
    {
        "home, then dead": (True, 20.0),
        "dead at once": (False, 10.0),
        "neither": (False, 90.0),
        "both on one day": (True, 7.0),
        "lost to the ward": (False, 30.0),
        "no death row": (True, 5.0),
        "the ward goes on counting": (False, 365.0),
    }
)
DEAD = table(
    {
        "dead at once": (True, 10.0),
        "home, then dead": (True, 200.0),
        "neither": (False, 90.0),
        "both on one day": (True, 7.0),
        "lost to the ward": (True, 60.0),
        "the ward goes on counting": (True, 40.0),
    }
)
FIRST = {
    "home, then dead": (1, 20.0),
    "dead at once": (2, 10.0),
    "neither": (0, 90.0),
    "both on one day": (1, 7.0),
    "lost to the ward": (0, 30.0),  # a readmission between day 30 and day 60 would not have been seen
    "the ward goes on counting": (2, 40.0),
}


def test_causes_exclude_each_other() -> None:
    found = first_events({"readmission": READMITTED, "death": DEAD}, None)
    assert isinstance(found.outcome, Competing)
    assert found.outcome.causes == ("readmission", "death")
    told = dict(
        zip(
            found.case_ids,
            zip(found.outcome.cause.tolist(), found.outcome.time_days.tolist(), strict=True),
            strict=True,
        )
    )
    assert told == FIRST


def test_the_cause_of_interest_is_numbered_first() -> None:
    found = first_events({"readmission": READMITTED, "death": DEAD}, "death").outcome
    assert isinstance(found, Competing)
    assert found.causes == ("death", "readmission")
    assert found.cause.tolist() == [2, 1, 0, 2, 0, 1]  # on one day the order of the card decides, as before
    assert found.event.tolist() == (found.cause == 1).tolist()


def test_the_door_makes_them_from_rows_of_other_endpoints(tmp_path: Path) -> None:
    folder = _cohort(tmp_path, kind="survival")
    door = open_outcomes(inspect_cohort(folder)[0], "readmission")
    assert door.counts() == "12 events of cause home, 11 of other causes"
    assert door.without == ("c34",)  # the months of the one endpoint and the days of the other are one clock
    outcome = door.strata()
    assert outcome.time_days[:2].tolist() == [30.4375, 3.0]


def test_an_event_without_a_day_is_no_first_event(tmp_path: Path) -> None:
    _, problems = inspect_outcomes(inspect_cohort(_cohort(tmp_path, kind="binary"))[0], "readmission")
    assert problems[0].where == "cohort.yaml: endpoints.readmission.first_of"
    assert problems[0].got == "kind binary"


def _cohort(folder: Path, kind: str) -> Path:
    timed = {"definition": "x", "horizon_days": 100.0, "time_unit": "months"}
    endpoints = {
        "readmission": {
            "kind": "competing",
            "definition": "x",
            "horizon_days": 100.0,
            "cause": "home",
            "first_of": {"home": "ward", "death": "dead"},
        },
        "ward": {"kind": "survival", **timed},
        "dead": {"kind": kind, **timed, "time_unit": "days"},
    }
    (folder / "cohort.yaml").write_text(yaml.safe_dump(CARD | {"endpoints": endpoints}), encoding="utf-8")
    write_rows(folder / "cases.csv", "case_id", [(f"c{i}",) for i in range(35)])
    ward = [(f"c{i}", "ward", int(i % 3 == 0), 1 + i, "") for i in range(35)]
    dead = [(f"c{i}", "dead", int(i % 3 == 1), 3.0 if i % 3 == 1 else 5000, "") for i in range(34)]
    write_rows(folder / "outcomes.csv", "case_id,endpoint,event,time,cause", [*ward, *dead])
    return folder
