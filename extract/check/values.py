"""Whether every clinical value is of its declared kind.

Enters: clinical.csv and measurements.csv as texts, the declarations. Leaves: a problem for every cell that
cannot be read, named by case and column and never quoted, and a warning where grades contradict.
"""

from __future__ import annotations

from collections.abc import Iterator

from extract.clinical.gleason import disagreement
from extract.clinical.measurements import measurement_fault
from extract.clinical.values import CellError, parse_cell
from feature_cache.card import GAP, Variable
from feature_cache.cohort import Cohort
from feature_cache.errors import Problem, table_error


def value_problems(cohort: Cohort) -> Iterator[Problem]:
    """Yield one row for every cell that is not as declared; variables of an open kind are let pass."""
    variables = {
        name: variable
        for name, variable in cohort.card.variables.items()
        if not variable.kind.startswith(GAP)
    }
    for case_id, cells in cohort.clinical.items():
        for name in variables.keys() & cells.keys():
            yield from _cell(f"clinical.csv: case {case_id}, column {name}", cells[name], variables[name])
        warning = disagreement(cohort.card, cells)
        if warning is not None:
            yield Problem(
                level="warning",
                where=f"clinical.csv: case {case_id}",
                expected="a grade group that follows from the Gleason patterns",
                got=warning,
                remedy="It is used as it is and flagged in the entry; ask who graded.",
            )
    for row in cohort.measurements:
        variable = variables.get(row.variable)
        if variable is None:
            continue
        where = f"measurements.csv: case {row.case_id}, {row.variable} on day {row.day}"
        fault = measurement_fault(variable, row.day, row.unit, None)
        if fault is not None:
            yield table_error(where, *fault)
        yield from _cell(where, row.value, variable)


def _cell(where: str, text: str, variable: Variable) -> Iterator[Problem]:
    try:
        parse_cell(text, variable)
    except CellError as fault:
        yield table_error(
            where, fault.expected, fault.got, "Mend it, or declare the level, code or limits in cohort.yaml."
        )
