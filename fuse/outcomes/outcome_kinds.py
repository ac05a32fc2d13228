"""What a row of outcomes.csv means, kind by kind: survival, competing, time, binary, multiclass.

Enters: the rows of one endpoint and what the card declares of it. Leaves: the outcomes of all cases that have
one, and a problem for every row that cannot be read and for every event, cause or class that is too rare. A
case without an outcome is left out; it is never taken as censored, nor as a no.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from feature_cache.card import DAYS_PER_UNIT, Endpoint
from feature_cache.errors import Problem, table_error
from fuse.outcomes.outcome_rows import YES_NO, YES_NO_WORDS, OutcomeRow, time_fault
from fuse.outcomes.outcomes import Classes, Competing, Outcome, Survival

#: Fewer observed events than this (of the cause of interest; cases of each class) and nothing can be
#: evaluated: a fold would hold none or one.
FEWEST_EVENTS = 10

#: How a cause is written where there was none.
NO_CAUSE = ("0", "0.0", "none", "no", "false", "censored")

_MEND_TIME = "Mend the cell, or leave event and time blank to leave the case out."
_MEND_VALUE = "Mend the cell, or leave it blank to leave the case out."


@dataclass(frozen=True, kw_only=True)
class OutcomeTable:
    """The outcomes of all cases that have one; row i of `outcome` is that of `case_ids[i]`."""

    case_ids: tuple[str, ...]
    outcome: Outcome


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of endpoint: the columns it cannot do without, and how its rows are read."""

    columns: tuple[str, ...]
    read: Callable[[Iterable[OutcomeRow], Endpoint, list[Problem]], OutcomeTable]
    has_times: bool = True


def too_few(endpoint: str, outcome: Outcome) -> Iterator[Problem]:
    """Yield a problem where the event, the cause of interest or a class is that of too few cases."""
    if isinstance(outcome, Classes):
        counts = np.bincount(outcome.label, minlength=len(outcome.names)).tolist()
        words = "cases of each class"
        got = ", ".join(f"{count} {name}" for name, count in zip(outcome.names, counts, strict=True))
    else:
        counts = [int(outcome.event.sum())]
        words = f"events of cause {outcome.causes[0]}" if isinstance(outcome, Competing) else "events"
        got = f"{counts[0]} {words}"
    if min(counts) < FEWEST_EVENTS:
        yield table_error(
            f"outcomes.csv: endpoint {endpoint}",
            f"at least {FEWEST_EVENTS} {words}",
            f"too few: {got} in {len(outcome)} cases",
            "Nothing can be evaluated on so few; add cases or follow-up.",
        )


def _read_survival(
    rows: Iterable[OutcomeRow], declared: Endpoint, problems: list[Problem], *, event_if_blank: bool = False
) -> OutcomeTable:
    found: dict[str, tuple[bool, float]] = {}
    for row in rows:
        event_text, time_text = row["event"], row["time"]
        if not time_text and (not event_text or event_if_blank):
            continue
        event = YES_NO.get(event_text.lower(), True if event_if_blank and not event_text else None)
        if event is None:
            got = "another text" if event_text else "a time and no event"
            problems.append(row.fault(f"event {YES_NO_WORDS}", got, _MEND_TIME))
            continue
        fault = time_fault(time_text, event=event)
        if fault is not None:
            problems.append(row.fault("a time above 0", fault, _MEND_TIME))
            continue
        found[row.case_id] = event, float(time_text) * _days_per_unit(declared)
    outcome = Survival(
        event=np.array([event for event, _ in found.values()], dtype=np.bool_),
        time_days=np.array([days for _, days in found.values()], dtype=np.float64),
    )
    return OutcomeTable(case_ids=tuple(found), outcome=outcome)


def _read_time(rows: Iterable[OutcomeRow], declared: Endpoint, problems: list[Problem]) -> OutcomeTable:
    """Read a time to something that everybody comes to; only one that says so in `event` is censored."""
    return _read_survival(rows, declared, problems, event_if_blank=True)


def _read_competing(rows: Iterable[OutcomeRow], declared: Endpoint, problems: list[Problem]) -> OutcomeTable:
    found: dict[str, tuple[str, float]] = {}
    for row in rows:
        cause, time_text, event = row["cause"], row["time"], YES_NO.get(row["event"].lower())
        if not cause and not time_text and not row["event"]:
            continue
        if cause.lower() in NO_CAUSE or (not cause and event is False):
            cause = ""
        elif not cause:
            got = "an event without cause" if event else "a time and no cause"
            problems.append(row.fault("a cause, or 0 for none", got, _MEND_TIME))
            continue
        if row["event"] and event is not bool(cause):
            got = "an event that does not go with its cause"
            problems.append(row.fault("event 1 with a cause, or event 0 with cause 0", got, _MEND_TIME))
            continue
        fault = time_fault(time_text, event=bool(cause))
        if fault is not None:
            problems.append(row.fault("a time above 0", fault, _MEND_TIME))
            continue
        found[row.case_id] = cause, float(time_text) * _days_per_unit(declared)
    causes = _causes({cause for cause, _ in found.values() if cause}, declared.cause)
    number = np.array(
        [causes.index(cause) + 1 if cause else 0 for cause, _ in found.values()], dtype=np.int64
    )
    outcome = Competing(
        event=number == 1,
        time_days=np.array([days for _, days in found.values()], dtype=np.float64),
        cause=number,
        causes=causes,
    )
    return OutcomeTable(case_ids=tuple(found), outcome=outcome)


def _causes(found: set[str], interest: str | None) -> tuple[str, ...]:
    """Return the causes, that of interest first: the card's, else the first by text (numbers by size)."""
    ordered = sorted(
        found, key=lambda text: (not text.isdecimal(), int(text) if text.isdecimal() else 0, text)
    )
    first = interest if interest is not None else next(iter(ordered), "any")
    return (first, *(cause for cause in ordered if cause != first))


def _read_binary(rows: Iterable[OutcomeRow], declared: Endpoint, problems: list[Problem]) -> OutcomeTable:
    found: dict[str, int] = {}
    for row in rows:
        texts = [text for text in (row["value"], row["event"]) if text]
        read = {YES_NO.get(text.lower()) for text in texts}
        if not texts:
            continue
        label = read.pop()
        if read or label is None:
            got = "a value and an event that differ" if read else "another text"
            problems.append(row.fault(f"value or event {YES_NO_WORDS}", got, _MEND_VALUE))
            continue
        found[row.case_id] = int(label)
    return _classes(found, ("no", "yes"))


def _read_multiclass(rows: Iterable[OutcomeRow], declared: Endpoint, problems: list[Problem]) -> OutcomeTable:
    found: dict[str, int] = {}
    for row in rows:
        text = row["value"]
        if not text:
            continue
        if text not in declared.classes:
            expected = f"value among the card's classes: {', '.join(declared.classes)}"
            problems.append(row.fault(expected, "another text", _MEND_VALUE))
            continue
        found[row.case_id] = declared.classes.index(text)
    return _classes(found, declared.classes)


def _classes(found: Mapping[str, int], names: tuple[str, ...]) -> OutcomeTable:
    label = np.array(list(found.values()), dtype=np.int64)
    return OutcomeTable(case_ids=tuple(found), outcome=Classes(label=label, names=names))


def _days_per_unit(declared: Endpoint) -> float:
    return DAYS_PER_UNIT[declared.time_unit or "days"]


KINDS: dict[str, Kind] = {
    "survival": Kind(columns=("event", "time"), read=_read_survival),
    "competing": Kind(columns=("time", "cause"), read=_read_competing),
    "time": Kind(columns=("time",), read=_read_time),
    "binary": Kind(columns=(), read=_read_binary, has_times=False),
    "multiclass": Kind(columns=("value",), read=_read_multiclass, has_times=False),
}
