"""Which of several events came first to each case: causes that exclude each other, made from nested labels.

Enters: the outcomes of several endpoints with times, one a cause. Leaves: one competing endpoint. Readmission
and death are two labels that a patient can have both of; as first events they exclude each other, which is
what a model of competing risks needs.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fuse.outcomes.outcome_kinds import OutcomeTable
from fuse.outcomes.outcomes import Competing, Survival


def first_events(tables: Mapping[str, OutcomeTable], interest: str | None) -> OutcomeTable:
    """Return the first event of each case that has an outcome of every endpoint.

    Parameters
    ----------
    tables
        Cause -> outcomes of its endpoint, times in days.
    interest
        The cause of interest; None for the first.

    Returns
    -------
    OutcomeTable
        A case is followed up to the shortest of its times: whoever is lost to one endpoint may have had its
        event unseen. Where that is the day of an event it is the cause (of several on one day the first in
        the order of `tables`; an event comes before a censoring of the same day), else the case is censored.
        A case without an outcome of one endpoint is left out: whether that event came first is not known.
    """
    first = interest if interest is not None else next(iter(tables))
    causes = (first, *(cause for cause in tables if cause != first))
    rows = [{case: row for row, case in enumerate(tables[cause].case_ids)} for cause in tables]
    case_ids = tuple(case for case in rows[0] if all(case in known for known in rows))
    time = np.full((len(tables), len(case_ids)), np.inf)
    event = np.zeros(time.shape, dtype=np.bool_)
    for place, (table, known) in enumerate(zip(tables.values(), rows, strict=True)):
        outcome = table.outcome
        assert isinstance(outcome, Survival)  # what has no times is refused before (see `endpoint.py`)
        own = np.array([known[case] for case in case_ids], dtype=np.int64)
        time[place], event[place] = outcome.time_days[own], outcome.event[own]
    shortest = time.min(axis=0) if len(case_ids) else np.zeros(0)
    happened = event & (time == shortest)
    # argmax is the first True, in the order in which the card names the causes
    number = np.array([causes.index(cause) + 1 for cause in tables], dtype=np.int64)
    cause = np.where(happened.any(axis=0), number[happened.argmax(axis=0)], 0)
    return OutcomeTable(
        case_ids=case_ids,
        outcome=Competing(event=cause == 1, time_days=shortest, cause=cause, causes=causes),
    )
