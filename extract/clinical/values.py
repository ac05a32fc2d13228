"""One cell of clinical.csv as a number and a state, or as several where a variable has levels.

Enters: the text as it came (or a marker for an absent or null key) and the variable's declaration.
Leaves: a value in the declared unit, on its natural scale, and whether it was observed. What cannot be
read is a fault with a reason; no fault quotes the text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from extract.encoders.card import EncoderCard
from feature_cache.card import Variable
from feature_cache.entry import BOUNDED_ABOVE, BOUNDED_BELOW, MISSING, NOT_APPLICABLE, OBSERVED, UNKNOWN
from feature_cache.errors import SourceError
from feature_cache.tables import ABSENT, NULL

MissingAs = Literal["absent", "null", "blank", "nan", "code"]

#: Texts that mean "no value" in every table, case-folded; anything else needs a code on the card.
_EMPTY: dict[str, MissingAs] = {ABSENT: "absent", NULL: "null", "": "blank", "nan": "nan", "na": "nan"}
_CODE_STATES = {"missing": MISSING, "unknown": UNKNOWN, "not_applicable": NOT_APPLICABLE}
_BINARY = {"0": 0.0, "1": 1.0, "false": 0.0, "true": 1.0, "no": 0.0, "yes": 1.0}
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_BOUND = re.compile(r"(?P<sign><=|>=|≤|≥|<|>)\s*(?P<number>.+)")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A parsed cell: `value` is NaN unless the state is observed or bounded (then it is the bound).

    `missing_as` keeps apart how a missing value was written: key absent, null, blank, nan or a code.
    """

    value: float
    state: int
    missing_as: MissingAs | None = None


#: Case id, column, text as it came, declaration -> the cells of the column's values.
CellReader = Callable[[str, str, str, Variable], tuple[Cell, ...]]


class CellError(ValueError):
    """A cell that is not of its variable's kind: what was expected and what came, never the text."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"expected {expected}; got {got}")
        self.expected = expected
        self.got = got


def column_names(name: str, variable: Variable) -> tuple[str, ...]:
    """Return the names of the values that one variable becomes: itself, or ``name=level`` for each level."""
    if variable.kind in ("categorical", "multilabel"):
        return tuple(f"{name}={level}" for level in variable.levels)
    return (name,)


def parse_cell(text: str, variable: Variable) -> tuple[Cell, ...]:
    """Parse one cell.

    Returns
    -------
    tuple of Cell
        One cell for numeric, binary and ordinal (the index of the level); one 0/1 cell for each declared
        level for categorical and multilabel. A missing or unknown value is so in all of them.

    Raises
    ------
    CellError
        The text is no number, no bound, no declared level and no declared code.
    """
    width = len(column_names("", variable))
    empty = _without_value(text, variable)
    if empty is not None:
        return (empty,) * width
    if variable.kind == "numeric":
        return (_numeric(text.strip(), variable),)
    if variable.kind == "binary":
        return (_binary(text),)
    if variable.kind == "ordinal":
        return (Cell(value=float(_level(text, variable)), state=OBSERVED),)
    if variable.kind in ("categorical", "multilabel"):
        parts = text.split(variable.separator) if variable.separator else [text]
        present = {_level(part, variable) for part in parts}
        return tuple(Cell(value=float(i in present), state=OBSERVED) for i in range(width))
    raise CellError("a kind on the card", "a gap")


def load_cell_reader(card: EncoderCard, weights: None) -> CellReader:
    """Return the reader of cells behind the card; there are no weights to load."""
    del card, weights
    return read_cell


def read_cell(case_id: str, name: str, text: str, variable: Variable) -> tuple[Cell, ...]:
    """Parse one cell of a case; what cannot be read is a `SourceError` that names case and column."""
    try:
        return parse_cell(text, variable)
    except CellError as fault:
        raise SourceError(
            f"case {case_id}, column {name}",
            expected=fault.expected,
            got=fault.got,
            remedy="Mend the cell, or declare the level, code or limits in cohort.yaml.",
        ) from None


def _without_value(text: str, variable: Variable) -> Cell | None:
    token = _token(text)
    for code, meaning in variable.codes.items():
        if _token(code) == token:
            missing_as: MissingAs | None = "code" if meaning == "missing" else None
            return Cell(value=math.nan, state=_CODE_STATES[meaning], missing_as=missing_as)
    if token in _EMPTY:
        return Cell(value=math.nan, state=MISSING, missing_as=_EMPTY[token])
    return None


def _numeric(text: str, variable: Variable) -> Cell:
    bound = _BOUND.fullmatch(text)
    if bound is None:
        return Cell(value=_number(text, variable), state=OBSERVED)
    state = BOUNDED_ABOVE if bound["sign"] in ("<", "<=", "≤") else BOUNDED_BELOW
    return Cell(value=_number(bound["number"].strip(), variable), state=state)


def _number(text: str, variable: Variable) -> float:
    if not _NUMBER.fullmatch(text):
        raise CellError("a number with a decimal point, or a bound such as <0.01", "another text")
    value = float(text)
    if not math.isfinite(value):
        raise CellError("a finite number", "one too large to hold")
    if variable.limits is not None and not variable.limits[0] <= value <= variable.limits[1]:
        raise CellError(f"a value from {variable.limits[0]:g} to {variable.limits[1]:g}", "one outside")
    if variable.scale == "log" and value <= 0:
        raise CellError("a value above 0 (the scale is log)", "0 or less")
    return value


def _binary(text: str) -> Cell:
    token = _token(text)
    if token not in _BINARY:
        raise CellError("0 or 1 (true, false, yes, no)", "another text")
    return Cell(value=_BINARY[token], state=OBSERVED)


def _level(text: str, variable: Variable) -> int:
    token = _token(text)
    for index, level in enumerate(variable.levels):
        if _token(level) == token:
            return index
    raise CellError(f"one of {', '.join(variable.levels)}", "an undeclared level")


def _token(text: str) -> str:
    """Return a text as it is compared: "1", "1.0" and " 1 " are one token, "X" and "x" too."""
    stripped = text.strip().casefold()
    if _NUMBER.fullmatch(stripped) and float(stripped).is_integer():
        return str(int(float(stripped)))
    return stripped
