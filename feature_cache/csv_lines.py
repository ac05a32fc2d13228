"""One line of a table that people open: read back as it was given, and run by no spreadsheet.

Enters: texts. Leaves: a line of CSV. A spreadsheet takes some texts for formulas and runs them; such a text
gets a `'` in front, which `as_given` takes away again. The tables of both stages are written through here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

#: A spreadsheet takes a cell for a formula that begins with one of these (the last four are full-width).
FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")

#: What a cell cannot hold without quotes around it.
_MARKS = re.compile('[,"\r\n]')


def guarded(text: str) -> str:
    """Return a text as no spreadsheet runs it.

    One that has the mark already gets a second one, so that reading gives back exactly what was there.

    >>> guarded("=1+1"), guarded("case 7"), guarded("'=1")
    ("'=1+1", 'case 7', "''=1")
    """
    return f"'{text}" if _runs(text) else text


def as_given(cell: str) -> str:
    """Take away what keeps a spreadsheet from running a cell as a formula.

    >>> as_given("'=1+1"), as_given("-0.5"), as_given("'tis")
    ('=1+1', '-0.5', "'tis")
    """
    return cell[1:] if cell.startswith("'") and _runs(cell) else cell


def csv_line(cells: Iterable[str]) -> str:
    """Return the cells as a line with its LF, the same from every version of Python.

    The csv module of some versions leaves a lone CR unquoted, which reads back as two lines.
    """
    return ",".join(map(_quoted, cells)) + "\n"


def _runs(text: str) -> bool:
    return text.lstrip("'").startswith(FORMULA_STARTS)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _MARKS.search(text) else text
