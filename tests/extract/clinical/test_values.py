from __future__ import annotations

import math

import pytest

from extract.clinical.values import Cell, CellError, column_names, parse_cell, read_cell
from feature_cache.card import Variable
from feature_cache.entry import BOUNDED_ABOVE, BOUNDED_BELOW, MISSING, NOT_APPLICABLE, OBSERVED, UNKNOWN
from feature_cache.errors import SourceError
from feature_cache.tables import ABSENT, NULL

PSA = Variable(kind="numeric", unit="ng/mL", scale="log")
MARGIN = Variable(kind="binary", codes={"2": "unknown", "x": "unknown", "n/a": "not_applicable"})
STAGE = Variable(kind="ordinal", levels=("2", "2a", "3"), codes={"x": "unknown"})
THERAPY = Variable(kind="multilabel", separator="+", levels=("none", "radiotherapy", "hormones"))
SITE = Variable(kind="categorical", levels=("north", "south"))


def _one(text: str, variable: Variable) -> Cell:
    cells = parse_cell(text, variable)
    assert len(cells) == 1
    return cells[0]


@pytest.mark.parametrize(
    ("text", "value", "state"),
    [
        ("7.40", 7.4, OBSERVED),
        (" 1e-3 ", 0.001, OBSERVED),
        ("<0.01", 0.01, BOUNDED_ABOVE),
        ("≤ 0.1", 0.1, BOUNDED_ABOVE),
        ("> 5000", 5000.0, BOUNDED_BELOW),
        (">=20", 20.0, BOUNDED_BELOW),
    ],
)
def test_numbers_and_bounds(text: str, value: float, state: int) -> None:
    assert _one(text, PSA) == Cell(value=value, state=state)


@pytest.mark.parametrize(
    ("text", "way"),
    [(ABSENT, "absent"), (NULL, "null"), ("", "blank"), ("  ", "blank"), ("nan", "nan"), ("NA", "nan")],
)
@pytest.mark.parametrize("variable", [PSA, MARGIN, STAGE, THERAPY, SITE])
def test_missing_is_nan_and_its_way_is_kept(text: str, way: str, variable: Variable) -> None:
    for cell in parse_cell(text, variable):
        assert math.isnan(cell.value) and cell.state == MISSING and cell.missing_as == way


@pytest.mark.parametrize(
    ("text", "value"), [("0", 0), ("1.0", 1), ("0.0", 0), ("True", 1), ("no", 0), (" YES ", 1)]
)
def test_binary(text: str, value: float) -> None:
    assert _one(text, MARGIN) == Cell(value=value, state=OBSERVED)


@pytest.mark.parametrize(
    ("text", "state"), [("2", UNKNOWN), ("2.0", UNKNOWN), ("X", UNKNOWN), ("n/a", NOT_APPLICABLE)]
)
def test_codes_are_states_not_values(text: str, state: int) -> None:
    cell = _one(text, MARGIN)
    assert math.isnan(cell.value) and cell.state == state and cell.missing_as is None


def test_a_code_may_mean_missing() -> None:
    cell = _one("-9", Variable(kind="numeric", codes={"-9": "missing"}))
    assert cell.state == MISSING and cell.missing_as == "code"


@pytest.mark.parametrize(("text", "index"), [("2", 0), ("2.0", 0), ("2A", 1), ("3", 2)])
def test_an_ordinal_is_the_index_of_its_level(text: str, index: int) -> None:
    assert _one(text, STAGE).value == index


def test_levels_become_columns() -> None:
    assert column_names("site", SITE) == ("site=north", "site=south")
    assert [cell.value for cell in parse_cell("south", SITE)] == [0, 1]
    assert [cell.value for cell in parse_cell("radiotherapy + hormones", THERAPY)] == [0, 1, 1]
    assert [cell.value for cell in parse_cell("none", THERAPY)] == [1, 0, 0]


@pytest.mark.parametrize(
    ("text", "variable", "expected"),
    [
        ("7,4", PSA, "a number with a decimal point"),
        ("seven", PSA, "a number with a decimal point"),
        ("inf", PSA, "a number with a decimal point"),
        ("1e999", PSA, "a finite number"),
        ("0", PSA, "a value above 0"),
        ("<-1", PSA, "a value above 0"),
        ("330", Variable(kind="numeric", limits=(18, 110)), "a value from 18 to 110"),
        ("2", Variable(kind="binary"), "0 or 1"),
        ("4", STAGE, "one of 2, 2a, 3"),
        ("radiotherapy + surgery", THERAPY, "one of none, radiotherapy, hormones"),
        ("radiotherapy", Variable(kind="categorical", levels=("none",)), "one of none"),
    ],
)
def test_what_is_not_declared_is_refused_without_quoting(
    text: str, variable: Variable, expected: str
) -> None:
    with pytest.raises(CellError) as caught:
        parse_cell(text, variable)
    assert expected in caught.value.expected
    with pytest.raises(SourceError, match="case 0071, column psa") as named:
        read_cell("0071", "psa", text, variable)
    assert "surgery" not in str(named.value) and "seven" not in str(named.value)
