"""The card of a cohort nobody described yet: what the tables show, and a gap for all that they do not.

Enters: columns and cells of clinical.csv, the header of outcomes.csv. Leaves: a cohort.yaml that loads.
A kind is guessed from the form of the cells where it leaves no doubt; a unit, a day and a meaning never are.
Cells are copied (as levels) only where they recur and the column's name names no person.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from feature_cache.card import GAP
from feature_cache.errors import Problem, table_error
from feature_cache.outcome_names import looks_like_outcome
from feature_cache.tables import ABSENT, NULL

_EMPTY = {"", "nan", "na", ABSENT, NULL}
_BINARY = {"0", "1", "0.0", "1.0", "true", "false", "yes", "no"}
_NUMBER = re.compile(r"[<>≤≥]?=?\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
#: Column names that usually hold who a person is; lower case, words joined by `_`.
_IDENTIFYING = re.compile(
    r"(^|_)(\w*name|initials|id|p?id|patientid|caseid|mrn|ssn|nhs|accession|dob|birth\w*|date|address|street|"
    r"city|zip\w*|post\w*code|plz|phone|tel|telephone|e_?mail|insurance|doctor|dr|physician|surgeon|"
    r"pathologist)(_|$)|^patient(_no|_number)?$"
)
#: A text column with more different values than this is text, not a category.
_MOST_LEVELS = 12
_TIME_UNITS = ("days", "months", "years")


def drafted_card(
    present: Mapping[str, bool],
    columns: Sequence[str],
    rows: Sequence[Mapping[str, str]],
    endpoints: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """Return cohort.yaml as a mapping, without its name.

    Parameters
    ----------
    present
        slides, series, notes, clinical -> whether there are any.
    columns, rows
        clinical.csv without its outcomes: no outcome is looked at here.
    endpoints
        As from `endpoint_names`.
    """
    suspects = [column for column in columns if looks_like_outcome(column)]
    modality = {"slides": "slides", "series": "volumes", "notes": "notes", "clinical": "clinical"}
    undated = [kind for kind in ("slides", "series", "notes") if present[kind]]
    return {
        "schema_version": 1,
        "name": "",
        "title": f"{GAP}: what the cohort is, in one line",
        "citation": f"{GAP}: the publication or registry entry to cite",
        "licence": f"{GAP}: under which licence or agreement the data may be used",
        "sites": [],
        "modalities": [modality[kind] for kind, there in present.items() if there],
        "index_event": f"{GAP}: what happens on day 0, such as the operation or the discharge",
        "prediction_day": f"{GAP}: a whole number of days after the index event; nothing later may be used",
        "undated": {kind: f"{GAP}: the day at which {kind} without a day count as known" for kind in undated},
        "variables": {
            column: _variable(column, [row[column] for row in rows])
            for column in columns
            if column not in suspects
        },
        "excluded": {},
        "ignored": {
            column: f"{GAP}: by its name an outcome, a time or a later treatment; if so move it to "
            "outcomes.csv or leave it here with the reason, if not declare it under variables"
            for column in suspects
        },
        "endpoints": endpoints,
    }


def outcome_columns(columns: Sequence[str], problems: list[Problem]) -> tuple[dict[str, str], str | None]:
    """Return column of outcomes.csv -> Braid's column, and the time unit where the header names it.

    Read: case_id, endpoint, event, cause, value, and time, time_<unit> or follow_up_<unit>.
    """
    renamed, unit = {}, None
    for column in columns:
        parts = re.fullmatch(rf"(?:time|follow_up)(?:_({'|'.join(_TIME_UNITS)}))?", column.lower())
        if parts is not None:
            renamed[column], unit = "time", parts[1]
        elif column.lower() in ("case_id", "endpoint", "event", "cause", "value"):
            renamed[column] = column.lower()
        else:
            problems.append(
                table_error(
                    f"outcomes.csv: {column}",
                    "case_id, endpoint, event, time (or time_days, time_months, time_years), cause, value",
                    "an unknown column",
                    "Rename it, or drop it; it was not copied.",
                )
            )
    if columns and "case_id" not in renamed.values():
        problems.append(table_error("outcomes.csv: case_id", "this column", "no such column", "Add it."))
        return {}, None
    return renamed, unit


def endpoint_names(
    outcomes: Sequence[Mapping[str, str]], columns: set[str], time_unit: str | None
) -> dict[str, dict[str, Any]]:
    """Return the endpoints by name, their kind from the header alone; events and times are not read."""
    if {"event", "time"} <= columns and "cause" not in columns:
        kind = "survival"
    elif "event" in columns and not columns & {"time", "cause"}:
        kind = "binary"
    else:
        kind = f"{GAP}: survival, competing, binary, multiclass or time"
    endpoint: dict[str, Any] = {
        "kind": kind,
        "definition": f"{GAP}: what counts as the event, and from which day its time counts",
    }
    if time_unit is not None:
        endpoint["time_unit"] = time_unit
    return {name: dict(endpoint) for name in dict.fromkeys(row["endpoint"] for row in outcomes)}


def _variable(column: str, cells: Sequence[str]) -> dict[str, Any]:
    filled = [cell.strip() for cell in cells if cell.strip().casefold() not in _EMPTY]
    values = sorted(set(filled))
    recurring = 2 * len(values) <= len(filled)
    numbers = [value for value in values if _NUMBER.fullmatch(value)]
    if not values:
        return {"kind": f"{GAP}: no value at all in {column}; name its kind, or move it to ignored"}
    if _IDENTIFYING.search(re.sub(r"[^a-z0-9]+", "_", column.lower())):
        return {"kind": f"{GAP}: an identifier? put it under ignored; name a kind if it is none"}
    if {value.casefold() for value in values} <= _BINARY:
        return {"kind": "binary"}
    if len(numbers) == len(values):
        if all(value.isdigit() for value in values) and len(values) <= 6:
            remedy = "numeric (then give a unit and drop levels) or ordinal (then put the levels in order)"
            return {"kind": f"{GAP}: {remedy}", **({"levels": values} if recurring else {})}
        return {"kind": "numeric", "unit": f"{GAP}: the unit in UCUM, such as ng/mL; 1 where it has none"}
    if numbers:
        remedy = "numeric with codes for the texts, or ordinal or categorical with levels"
        return {"kind": f"{GAP}: {remedy}"}
    if not recurring:
        remedy = "an identifier? put it under ignored; if its few values recur, name a kind and levels"
        return {"kind": f"{GAP}: {remedy}"}
    if len(values) > _MOST_LEVELS:
        return {"kind": f"{GAP}: many texts; name a kind and levels, or move it to ignored or to notes.csv"}
    remedy = "categorical, or ordinal (then put the levels in order), or binary with codes"
    return {"kind": f"{GAP}: {remedy}", "levels": values}
