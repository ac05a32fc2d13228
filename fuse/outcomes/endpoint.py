"""The only door for outcomes: nothing else in Braid opens outcomes.csv.

Enters: outcomes.csv as it came (verbatim texts), the cohort's card and the name of an endpoint, with others
that are learned beside it. Leaves: outcomes (times in days), of a train part at any time, of a test part only
against the seal of the predictions that were written before. A case without an outcome is left out and
counted; it is never taken as censored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from feature_cache.canonical import sha256_of_file
from feature_cache.card import CohortCard, Endpoint
from feature_cache.cohort import Cohort
from feature_cache.errors import OutcomeError, Problem, table_error
from fuse.outcomes.clock import Clock
from fuse.outcomes.first_events import first_events
from fuse.outcomes.outcome_kinds import KINDS, OutcomeTable, too_few
from fuse.outcomes.outcome_rows import rows_of_endpoint
from fuse.outcomes.outcomes import Beside, Classes, Competing, Outcome, Survival
from fuse.verdict.words import counted


class OutcomeDoor:
    """Outcomes of one endpoint, handed out by part, with those of further endpoints beside them.

    `case_ids` are the cases that have an outcome and may be evaluated, in the order of cases.csv;
    `without` those that have none; `too_early` those that were no longer under observation on the day
    on which the prediction is made (`landmark_days`), so that their features may postdate their outcome, or
    that had one before they came under observation. `clock` says from when time is counted.
    """

    def __init__(
        self, cohort: Cohort, endpoint: str, table: OutcomeTable, beside: Mapping[str, OutcomeTable]
    ) -> None:
        self.endpoint = endpoint
        self.declared: Endpoint = cohort.card.endpoints[endpoint]
        self.clock = Clock.of(cohort)
        self.landmark_days = self.clock.landmark_days
        self._table = self.clock.follow(table)
        self._beside = {name: self.clock.follow(other) for name, other in beside.items()}
        usable, had = set(self._table.case_ids), set(table.case_ids)
        self.without = tuple(case for case in cohort.case_ids if case not in had)
        self.too_early = tuple(case for case in cohort.case_ids if case in had and case not in usable)
        self.case_ids = tuple(case for case in cohort.case_ids if case in usable)

    def strata(self) -> Outcome:
        """Return the outcomes of `case_ids` for one purpose: to spread events evenly over the folds."""
        return self._outcome(self.case_ids)

    def training(self, case_ids: Sequence[str]) -> Outcome:
        """Return the outcomes of a train part, rows as in `case_ids`."""
        return self._outcome(case_ids)

    def lint(self, case_ids: Sequence[str]) -> Outcome:
        """Return outcomes to be compared with features for leaks: nothing is fitted, chosen or weighed by it.

        What comes of it is a refusal or a row of lint.csv (docs/decisions/0019-leak-lint.md).
        """
        return replace(self._outcome(case_ids), beside={})

    def evaluation(self, case_ids: Sequence[str], sealed: Mapping[Path, str]) -> Outcome:
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
        return replace(self._outcome(case_ids), beside={})

    @property
    def enters_late(self) -> bool:
        """Whether some cases came under observation after the others (left truncation)."""
        outcome = self._table.outcome
        return isinstance(outcome, Survival) and outcome.entry_days is not None

    @property
    def has_times(self) -> bool:
        """Whether the endpoint is a time to something, and not a class."""
        return self.declared.kind in KINDS and KINDS[self.declared.kind].has_times

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, none of an endpoint with times."""
        return self._table.outcome.names if isinstance(self._table.outcome, Classes) else ()

    def counts(self) -> str:
        """Return how many cases have the event, each cause or each class, in words."""
        outcome = self.strata()
        if isinstance(outcome, Classes):
            numbers = np.bincount(outcome.label, minlength=len(outcome.names)).tolist()
            return ", ".join(f"{number} {name}" for number, name in zip(numbers, outcome.names, strict=True))
        events = counted(int(outcome.event.sum()), "event")
        if isinstance(outcome, Competing):
            others = int((outcome.cause > 1).sum())
            return f"{events} of cause {outcome.causes[0]}, {others} of other causes"
        return events

    def horizon_days(self) -> float | None:
        """Return the horizon that was fixed beforehand, None for an endpoint without times.

        Raises
        ------
        OutcomeError
            cohort.yaml gives none for an endpoint that has times.
        """
        declared = self.declared.horizon_days
        if isinstance(self._table.outcome, Classes):
            return None
        if declared is None:
            raise OutcomeError(
                f"cohort.yaml: endpoints.{self.endpoint}.horizon_days",
                expected="a horizon in days, fixed before the evaluation",
                got="none",
                remedy="Fill it in (60 months = 1826 days is usual after prostatectomy).",
            )
        return declared

    def _outcome(self, case_ids: Sequence[str]) -> Outcome:
        row_of = {case: row for row, case in enumerate(self._table.case_ids)}
        for case in case_ids:
            if case not in row_of:
                raise OutcomeError(
                    f"case {case}",
                    expected=f"an outcome for endpoint {self.endpoint}",
                    got="none",
                    remedy="Leave the case out of folds: it cannot be taken as censored.",
                )
        own = self._table.outcome.take(np.array([row_of[case] for case in case_ids], dtype=np.int64))
        beside = {name: self._stand_beside(table, case_ids) for name, table in self._beside.items()}
        return replace(own, beside=beside)

    def _stand_beside(self, table: OutcomeTable, case_ids: Sequence[str]) -> Beside:
        row_of = {case: row for row, case in enumerate(table.case_ids)}
        rows = np.array([row_of.get(case, len(table.case_ids)) for case in case_ids], dtype=np.int64)
        outcome = _with_placeholder(table.outcome).take(rows)
        return Beside(outcome=outcome, known=rows < len(table.case_ids))


def _with_placeholder(outcome: Outcome) -> Outcome:
    """Return the outcomes with one more row, for cases of which nothing is known."""
    if isinstance(outcome, Classes):
        return replace(outcome, label=np.append(outcome.label, 0))
    event, time_days = np.append(outcome.event, False), np.append(outcome.time_days, 1.0)
    if outcome.entry_days is not None:
        outcome = replace(outcome, entry_days=np.append(outcome.entry_days, 0.0))
    if isinstance(outcome, Competing):
        return replace(outcome, event=event, time_days=time_days, cause=np.append(outcome.cause, 0))
    return replace(outcome, event=event, time_days=time_days)


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


def open_outcomes(cohort: Cohort, endpoint: str) -> OutcomeDoor:
    """Open the door and raise `OutcomeError` on the first problem of outcomes.csv."""
    door, problems = inspect_outcomes(cohort, endpoint)
    for problem in problems:
        if problem.fails:
            raise OutcomeError(
                problem.where, expected=problem.expected, got=problem.got, remedy=problem.remedy
            )
    return door


def inspect_outcomes(
    cohort: Cohort, endpoint: str, also: Sequence[str] = ()
) -> tuple[OutcomeDoor, list[Problem]]:
    """Read outcomes.csv and return the door with every problem that was found (one row each).

    Parameters
    ----------
    also
        Further endpoints that are learned beside this one; they may have few events, but no faulty row.

    Raises
    ------
    OutcomeError
        `also` names an endpoint that the card does not have, or the evaluated one.
    """
    for name in also:
        if name == endpoint or name not in cohort.card.endpoints:
            others = ", ".join(other for other in cohort.card.endpoints if other != endpoint)
            raise OutcomeError(
                "protocol: also",
                expected=f"endpoints beside {endpoint}, among: {others or 'none'}",
                got=name,
                remedy="Correct the name in the protocol.",
            )
    problems: list[Problem] = []
    table = _read(cohort, endpoint, problems)
    beside = {name: _read(cohort, name, problems) for name in also}
    door = OutcomeDoor(cohort, endpoint, table, beside)
    if not problems or len(table.case_ids):
        problems.extend(too_few(endpoint, door.strata()))
    return door, problems


def _read(cohort: Cohort, endpoint: str, problems: list[Problem]) -> OutcomeTable:
    """Return what outcomes.csv has of one endpoint, nothing where the card leaves open how to read it."""
    declared = cohort.card.endpoints[endpoint]
    gaps = list(_gaps(endpoint, cohort.card.endpoints))
    if gaps:
        problems.extend(gaps)
        return OutcomeTable(case_ids=(), outcome=Survival(event=np.zeros(0, bool), time_days=np.zeros(0)))
    kind = KINDS[declared.kind]
    if declared.first_of:
        sources = {cause: _read(cohort, source, problems) for cause, source in declared.first_of.items()}
        return first_events(sources, declared.cause)
    return kind.read(rows_of_endpoint(cohort, endpoint, kind.columns, problems), declared, problems)


def _gaps_of_source(where: str, source: str, declared: Endpoint) -> Iterator[Problem]:
    if declared.kind not in ("survival", "time"):
        yield table_error(
            where,
            f"endpoints of kind survival: {source} has no times",
            f"kind {declared.kind}",
            "An event without its day is no first event; add its time to outcomes.csv, or take it out.",
        )


def _gaps(endpoint: str, endpoints: Mapping[str, Endpoint]) -> Iterator[Problem]:
    where, declared = f"cohort.yaml: endpoints.{endpoint}", endpoints[endpoint]
    if declared.kind not in KINDS:
        yield table_error(f"{where}.kind", f"one of {', '.join(KINDS)}", "a gap left by scan", "Fill it in.")
    elif declared.first_of:
        for source in declared.first_of.values():
            yield from _gaps_of_source(f"{where}.first_of", source, endpoints[source])
    elif KINDS[declared.kind].has_times and declared.time_unit is None:
        yield table_error(
            f"{where}.time_unit", "days, months or years", "none", "Declare the unit of outcomes.csv's time."
        )
    elif declared.kind == "multiclass" and not declared.classes:
        yield table_error(
            f"{where}.classes", "the classes that outcomes.csv's value may hold", "none", "List them."
        )
