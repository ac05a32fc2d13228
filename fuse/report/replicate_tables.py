"""Tests that fit the whole pipeline again, as the page shows them.

Enters: the rows of tests.csv. Leaves: a line a test with its arms in words. Runs that asked for none have no
such section.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fuse.report.documents import Count, Number, Part, Words
from fuse.report.numerals import NOTHING, decimal, signed
from fuse.report.run_document import RunDocument

_QUESTIONS = {
    "permutation": "Does anything predict at all?",
    "conditional_permutation": "Do the other modalities add to the clinical values?",
}


class RefitTestRow(Part):
    """One row of tests.csv."""

    test: str
    arms: Words
    statistic: Number
    p: Number
    n: Count
    altered_mean: Number
    altered_high: Number
    method: Words
    null: Words


@dataclass(frozen=True, kw_only=True)
class RefitTestLine:
    """One test: what it asks, of which arms, what they reach here and on altered cohorts, and p.

    `least` says how small p can become at all: few altered cohorts cannot reject.
    """

    question: str
    arms: str
    statistic: str
    mean: str
    high: str
    p: str
    least: str
    cohorts: str
    method: str
    null: str


def build_tests(
    rows: Sequence[RefitTestRow], document: RunDocument
) -> tuple[tuple[str, tuple[RefitTestLine, ...]], ...]:
    """Return each question with its tests, in the order of the file; `p` is written as found."""
    lines = [_write(row, document.labels) for row in rows]
    questions = dict.fromkeys(line.question for line in lines)
    return tuple((one, tuple(line for line in lines if line.question == one)) for one in questions)


def _write(row: RefitTestRow, labels: dict[str, str]) -> RefitTestLine:
    write = signed if " minus " in row.arms else decimal
    return RefitTestLine(
        question=_QUESTIONS.get(row.test, row.test),
        arms=" minus ".join(labels.get(arm, arm) for arm in row.arms.split(" minus ")) or NOTHING,
        statistic=write(row.statistic),
        mean=write(row.altered_mean),
        high=write(row.altered_high),
        p=_write_p(row.p),
        least=_write_least(row.n or 0),
        cohorts=str(row.n or 0),
        method=row.method[:1].upper() + row.method[1:],
        null=row.null,
    )


def _write_p(p: float | None) -> str:
    return "< .001" if p is not None and p < 0.0005 else decimal(p)


def _write_least(cohorts: int) -> str:
    least = decimal(1 / (1 + cohorts), 3 if cohorts < 1000 else 4)
    return f"With {cohorts:,} altered cohorts p cannot be below {least}." if cohorts else ""
