"""The only door for outcomes: nothing else in Braid opens outcomes.csv.

Enters: outcomes.csv as it came (verbatim texts), the cohort's card and the name of an endpoint.
Leaves: survival outcomes in days, of a train part at any time, of a test part only against the seal of
the predictions that were written before. A case without an outcome is left out and counted; it is never
taken as censored.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from feature_cache.canonical import sha256_of_file
from feature_cache.card import DAYS_PER_UNIT, CohortCard, Endpoint
from feature_cache.cohort import Cohort
from feature_cache.errors import OutcomeError, Problem, table_error
from feature_cache.tables import ABSENT, NULL, read_table
from fuse.outcomes import Survival

EVENT_TEXTS = {"1": True, "1.0": True, "true": True, "yes": True}
NO_EVENT_TEXTS = {"0": False, "0.0": False, "false": False, "no": False}
_EVENTS = EVENT_TEXTS | NO_EVENT_TEXTS

#: Fewer observed events than this and nothing can be evaluated (facts: a fold would hold none or one).
FEWEST_EVENTS = 10


class OutcomeDoor:
    """Outcomes of one endpoint, handed out by part.

    `case_ids` are the cases that have an outcome and may be evaluated, in the order of cases.csv;
    `without` those that have none; `too_early` those that were no longer under observation on the day
    on which the prediction is made (`landmark_days`), so that their features may postdate their outcome.
    """

    def __init__(self, cohort: Cohort, endpoint: str, outcomes: Mapping[str, tuple[bool, float]]) -> None:
        self.endpoint = endpoint
        self.declared: Endpoint = cohort.card.endpoints[endpoint]
        self.landmark_days = landmark_days(cohort.card)
        self.without = tuple(case for case in cohort.case_ids if case not in outcomes)
        self.too_early = tuple(
            case
            for case in cohort.case_ids
            if case in outcomes and self.landmark_days > 0 and outcomes[case][1] <= self.landmark_days
        )
        left_out = {*self.without, *self.too_early}
        self.case_ids = tuple(case for case in cohort.case_ids if case not in left_out)
        self._outcomes = dict(outcomes)

    def strata(self) -> Survival:
        """Return the outcomes of `case_ids` for one purpose: to spread events evenly over the folds."""
        return self._survival(self.case_ids)

    def training(self, case_ids: Sequence[str]) -> Survival:
        """Return the outcomes of a train part, rows as in `case_ids`."""
        return self._survival(case_ids)

    def evaluation(self, case_ids: Sequence[str], sealed: Mapping[Path, str]) -> Survival:
        """Return the outcomes of a test part; its predictions must be on disk, as they were when sealed.

        Parameters
        ----------
        case_ids
            The cases of the test part.
        sealed
            Prediction file -> sha256 (hex) of its bytes when it was written. At least one.

        Raises
        ------
        OutcomeError
            There is no prediction file, or one is gone or altered since.
        """
        if not sealed:
            raise OutcomeError(
                "test outcomes",
                expected="sealed prediction files",
                got="none",
                remedy="Write the predictions first: outcomes of a test part are opened afterwards.",
            )
        for path, sha256 in sealed.items():
            found = sha256_of_file(path) if path.is_file() else None
            if found != sha256:
                raise OutcomeError(
                    f"predictions {path.name}",
                    expected=f"the sealed file, sha256 {sha256[:12]}",
                    got="no such file" if found is None else f"sha256 {found[:12]}",
                    remedy="Predict again: a test part is only evaluated on what was said before.",
                )
        return self._survival(case_ids)

    def horizon_days(self) -> float:
        """Return the horizon that was fixed beforehand; `metrics` says where follow-up does not reach it.

        Raises
        ------
        OutcomeError
            cohort.yaml gives no horizon.
        """
        declared = self.declared.horizon_days
        if declared is None:
            raise OutcomeError(
                f"cohort.yaml: endpoints.{self.endpoint}.horizon_days",
                expected="a horizon in days, fixed before the evaluation",
                got="none",
                remedy="Fill it in (60 months = 1826 days is usual after prostatectomy).",
            )
        return declared

    def _survival(self, case_ids: Sequence[str]) -> Survival:
        for case in case_ids:
            if case not in self._outcomes:
                raise OutcomeError(
                    f"case {case}",
                    expected=f"an outcome for endpoint {self.endpoint}",
                    got="none",
                    remedy="Leave the case out of folds: it cannot be taken as censored.",
                )
        return Survival(
            event=np.array([self._outcomes[case][0] for case in case_ids], dtype=np.bool_),
            time_days=np.array([self._outcomes[case][1] for case in case_ids], dtype=np.float64),
        )


def choose_endpoint(card: CohortCard, wanted: str | None) -> str:
    """Return the endpoint asked for; else the first with an event and a time, else the first of the card.

    Raises
    ------
    OutcomeError
        The card has no such endpoint, or none at all.
    """
    names = list(card.endpoints)
    survival = [name for name, declared in card.endpoints.items() if declared.kind == "survival"]
    name = wanted if wanted is not None else next(iter([*survival, *names]), None)
    if name is None or name not in card.endpoints:
        raise OutcomeError(
            "cohort.yaml: endpoints",
            expected=f"one of {', '.join(names)}" if names else "at least one endpoint",
            got=str(name),
            remedy="Name one with --endpoint, or declare it.",
        )
    return name


def landmark_days(card: CohortCard) -> float:
    """Return the day from which a case is followed: prediction day or entry day, whichever is later."""
    prediction = card.prediction_day if isinstance(card.prediction_day, int) else 0
    return float(max(0, prediction, card.entry_day or 0))


def open_outcomes(cohort: Cohort, endpoint: str) -> OutcomeDoor:
    """Open the door and raise `OutcomeError` on the first problem of outcomes.csv."""
    door, problems = inspect_outcomes(cohort, endpoint)
    for problem in problems:
        if problem.fails:
            raise OutcomeError(
                problem.where, expected=problem.expected, got=problem.got, remedy=problem.remedy
            )
    return door


def inspect_outcomes(cohort: Cohort, endpoint: str) -> tuple[OutcomeDoor, list[Problem]]:
    """Read outcomes.csv and return the door with every problem that was found (one row each)."""
    problems: list[Problem] = []
    rows = list(_rows_of(cohort, endpoint, problems))
    declared = cohort.card.endpoints[endpoint]
    if declared.kind != "survival":
        events = sum(_EVENTS.get(_text(row, "event").lower(), False) for row in rows)
        problems.extend(_other_kind(endpoint, declared.kind, events, len(rows)))
        return OutcomeDoor(cohort, endpoint, {}), problems
    if declared.time_unit is None:
        problems.append(
            table_error(
                f"cohort.yaml: endpoints.{endpoint}.time_unit",
                "days, months or years",
                "none",
                "Declare the unit of outcomes.csv's time.",
            )
        )
        return OutcomeDoor(cohort, endpoint, {}), problems
    outcomes: dict[str, tuple[bool, float]] = {}
    for row in rows:
        outcome = _outcome(row, endpoint, DAYS_PER_UNIT[declared.time_unit], problems)
        if outcome is not None:
            outcomes[row["case_id"]] = outcome
    door = OutcomeDoor(cohort, endpoint, outcomes)
    problems.extend(_too_few(endpoint, int(door.strata().event.sum()), len(door.case_ids)))
    return door, problems


def _rows_of(cohort: Cohort, endpoint: str, problems: list[Problem]) -> Iterator[dict[str, str]]:
    columns, rows = read_table(cohort.folder / "outcomes.csv", problems)
    lacking = [name for name in ("case_id", "endpoint", "event", "time") if name not in columns]
    if lacking:
        got = f"no column {', '.join(lacking)}" if columns else "no such file"
        problems.append(
            table_error(
                "outcomes.csv",
                "columns case_id, endpoint, event, time, cause, value",
                got,
                "`python -m extract scan` writes this table.",
            )
        )
        return
    known, seen = set(cohort.case_ids), set()
    for row in rows:
        if row["endpoint"] != endpoint:
            continue
        case = row["case_id"]
        where = f"outcomes.csv: case {case}, endpoint {endpoint}"
        if case not in known:
            problems.append(table_error(where, "a case of cases.csv", "an unknown case", "Add or remove it."))
        elif case in seen:
            problems.append(table_error(where, "one row a case and endpoint", "a second row", "Keep one."))
        else:
            seen.add(case)
            yield row


def _text(row: dict[str, str], column: str) -> str:
    text = row[column].strip()
    return "" if text in (ABSENT, NULL) else text


def _outcome(
    row: dict[str, str], endpoint: str, days_per_unit: float, problems: list[Problem]
) -> tuple[bool, float] | None:
    """Return (event, days) of one row; None for a row without outcome and for one with a problem."""
    where = f"outcomes.csv: case {row['case_id']}, endpoint {endpoint}"
    event_text, time_text = _text(row, "event"), _text(row, "time")
    remedy = "Mend the cell, or leave event and time blank to leave the case out."
    if not event_text and not time_text:
        return None
    event = _EVENTS.get(event_text.lower())
    if event is None:
        got = "another text" if event_text else "a time and no event"
        expected = "event 1, 1.0, true, yes or 0, 0.0, false, no"
        problems.append(table_error(where, expected, got, remedy))
        return None
    fault = _time_fault(time_text, event)
    if fault is not None:
        problems.append(table_error(where, "a time above 0", fault, remedy))
        return None
    return event, float(time_text) * days_per_unit


def _time_fault(text: str, event: bool) -> str | None:
    if not text:
        return "an event without time" if event else "a censored case without time"
    try:
        time = float(text)
    except ValueError:
        return "a text that is no number"
    if not math.isfinite(time):
        return "NaN" if math.isnan(time) else "an infinite time"
    if time < 0:
        return f"a negative time ({text})"
    return "time 0" if time == 0 else None


def _other_kind(endpoint: str, kind: str, events: int, rows: int) -> Iterator[Problem]:
    yield from _too_few(endpoint, events, rows)
    yield table_error(
        f"cohort.yaml: endpoints.{endpoint}.kind",
        "survival (an event and a time), the only kind that can be evaluated so far",
        kind,
        "Declare it as survival if outcomes.csv has a time for it, or choose another with --endpoint.",
    )


def _too_few(endpoint: str, events: int, cases: int) -> Iterator[Problem]:
    if events < FEWEST_EVENTS:
        yield table_error(
            f"outcomes.csv: endpoint {endpoint}",
            f"at least {FEWEST_EVENTS} events",
            f"too few: {events} events in {cases} cases",
            "Nothing can be evaluated on so few; add cases or follow-up.",
        )
