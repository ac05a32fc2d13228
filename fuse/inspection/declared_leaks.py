"""Leaks that the card and the tables tell by themselves: by the days that they declare and by names.

Enters: a cohort, the endpoint of the run, the columns that are used. Leaves: a problem for each column known
only after the prediction day, for each PSA that is measured after the operation, for listed items that are
late, and a warning for a name that outcomes usually have. No outcome is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from feature_cache.card import CohortCard, Variable
from feature_cache.cohort import Cohort
from feature_cache.errors import Problem
from feature_cache.outcome_names import looks_like_outcome
from fuse.features.feature_sets import ChosenSet
from fuse.inspection.leaks import Leak, Suspect, leak
from fuse.verdict.words import counted

LATE = "Take it out, or predict at a later day (`prediction_day`, `moments`) and say so."

#: How an endpoint is named or defined that PSA after the operation makes, and an index event it follows.
_RECURRENCE = re.compile(r"bcr|biochemical|recurren|relapse|\bpsa\b")
_OPERATION = re.compile(r"prostatectomy|operation|surgery|resection|radiotherapy|treatment|ablation")
_AFTER = re.compile(
    r"(^|_)(post\w*|after\w*|nadir|follow_?up|fu|recurrence|relapse|persisten\w*|\d+_?(d|days?|w|weeks?|m|mo|"
    r"months?|y|yr|years?)|(month|months|week|weeks|year|years)_?\d+)(_|$)"
)
_BEFORE = re.compile(r"(^|_)(pre\w*|before|prior|baseline|diagnos\w*|biopsy|initial)(_|$)")


def declared_leaks(cohort: Cohort, endpoint: str, chosen: Mapping[str, ChosenSet]) -> Iterator[Problem]:
    """Yield what days and names say against the values that are used, and against items that are listed."""
    card = cohort.card
    for label, feature_set in chosen.items():
        if feature_set.modality != "clinical":
            continue
        for name in used_variables(feature_set):
            # of a set that is cut at a day, later values and variables are not read
            until = feature_set.until_day
            if name in card.variables and (until is None or card.variables[name].day_number <= until):
                where = f"cache: {label}: column {name}"
                yield from _late_value(card, endpoint, where, name)
    yield from _late_items(cohort, endpoint)


def used_variables(feature_set: ChosenSet) -> tuple[str, ...]:
    """Return the variables of a vector that are read, each once; levels of one variable are columns of it."""
    described, until = feature_set.records[0].attrs.get("variables", ()), feature_set.until_day
    read = (one for one in described if until is None or int(one.get("day", 0)) <= until)
    names = (str(one["name"]).removesuffix(f"={one.get('level', '')}") for one in read)
    return tuple(dict.fromkeys(names))


def suspects_by_name(chosen: Mapping[str, ChosenSet]) -> list[Suspect]:
    """Return the clinical variables that are called what outcomes, their times or treatments often are."""
    return [
        Suspect(modality=label, column=name)
        for label, feature_set in chosen.items()
        if feature_set.modality == "clinical"
        for name in used_variables(feature_set)
        if looks_like_outcome(name)
    ]


def _late_value(card: CohortCard, endpoint: str, where: str, name: str) -> Iterator[Problem]:
    variable, last = card.variables[name], card.prediction_day
    psa = is_psa_after(name, variable) and _predicts_recurrence(card, endpoint)
    if isinstance(last, int) and variable.day_number > last:
        kind: Leak = "post-operative-psa" if psa or _is_late_psa(card, endpoint, name) else _LATE_VALUE
        got = f"one of day {variable.day_number}"
        yield leak(kind, where, (f"values of a day up to the prediction day {last}", got, LATE))
    elif psa and (variable.day == "at_index" or variable.day <= 0):
        got = f"a PSA that is named as one after the {card.index_event}, declared as of day "
        got += f"{variable.day_number}: it makes the endpoint {endpoint}"
        yield leak("post-operative-psa", where, ("a PSA known on the prediction day", got, LATE))
    elif looks_like_outcome(name):
        got = "a name that outcomes, their times or later treatments often have"
        words = ("a variable that is no outcome", got, "If it is one, move it to `excluded`.")
        yield leak("outcome-as-feature", where, words, "warning")


_LATE_VALUE: Leak = "value-after-prediction-day"


def is_psa_after(name: str, variable: Variable) -> bool:
    """Return whether a variable is named as a PSA that is measured after the operation.

    >>> plain = Variable(kind="numeric")
    >>> [is_psa_after(name, plain) for name in ("post_operative_PSA", "PSA_6_months", "pre_operative_PSA")]
    [True, True, False]
    """
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    if not _names_psa(plain) or variable.kind == "categorical":
        return False
    return _AFTER.search(plain) is not None and _BEFORE.search(plain) is None


def _names_psa(plain: str) -> bool:
    return re.search(r"(^|_)psa(_|\d|$)", plain) is not None


def _predicts_recurrence(card: CohortCard, endpoint: str) -> bool:
    told = f"{endpoint} {card.endpoints[endpoint].definition}".lower()
    return bool(_RECURRENCE.search(told) and _OPERATION.search(card.index_event.lower()))


def _is_late_psa(card: CohortCard, endpoint: str, name: str) -> bool:
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower())
    return _names_psa(plain) and _predicts_recurrence(card, endpoint)


def _late_items(cohort: Cohort, endpoint: str) -> Iterator[Problem]:
    """Yield one warning a table for rows that are later than every day at which a prediction is made.

    They are in no entry that could be used; extract refuses them. It is said because a later model might.
    """
    card = cohort.card
    if not isinstance(card.prediction_day, int):
        return
    last = card.last_day
    measured: dict[str, list[tuple[str, int]]] = {}
    for row in cohort.measurements:
        measured.setdefault(row.variable, []).append((row.case_id, row.day))
    tables: list[tuple[Leak, str, list[tuple[str, int]]]] = [
        (
            "post-operative-psa" if _is_late_psa(card, endpoint, name) else "value-after-prediction-day",
            f"measurements.csv: {name}",
            rows,
        )
        for name, rows in measured.items()
    ]
    series = [(row.case_id, row.day) for row in cohort.series if row.day is not None]
    notes = [(row.case_id, row.day) for row in cohort.notes if row.day is not None]
    tables.append(("mri-after-prediction-day", "series.csv", series))
    tables.append(("value-after-prediction-day", "notes.csv", notes))
    for name, where, rows in tables:
        late = [(case, day) for case, day in rows if day > last]
        if late:
            got = (
                f"{counted(len(late), 'row')} of later days, the first is case {late[0][0]}, day {late[0][1]}"
            )
            remedy = "They are not used: extract refuses them. Take them out of the table."
            yield leak(name, where, (f"days up to {last}", got, remedy), "warning")
