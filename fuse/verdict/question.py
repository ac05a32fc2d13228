"""One question of the verdict with its answer.

Enters: the answer that an interval allows, with its numbers and words. Leaves: what verdict.json and the page
show of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from fuse.verdict.needed import NOTHING_NEEDED, Needed
from fuse.verdict.words import Answer, Measured


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question and its answer; numbers are None where there are none.

    `needed` says what would have to be known where the answer is "cannot tell", "" else; `needed_cases` and
    `needed_events` are its numbers.
    """

    id: str
    question: str
    answer: Answer
    estimate: float | None
    low: float | None
    high: float | None
    method: str
    rule: str
    words: str
    needed: str = ""
    needed_cases: int | None = None
    needed_events: int | None = None


@dataclass(frozen=True, kw_only=True)
class Answered:
    """An answer with the number that it rests on; `needed` is what would decide it."""

    answer: Answer
    measured: Measured
    rule: str
    words: str
    needed: Needed = NOTHING_NEEDED


def build_question(identity: tuple[str, str], answered: Answered) -> Question:
    """Return the question; `identity` is its id and its text."""
    measured, needed = answered.measured, answered.needed
    open_question = answered.answer == "cannot tell"
    return Question(
        id=identity[0],
        question=identity[1],
        answer=answered.answer,
        estimate=_number(measured.estimate),
        low=_number(measured.low),
        high=_number(measured.high),
        method=measured.method,
        rule=answered.rule,
        words=answered.words,
        needed=needed.words if open_question else "",
        needed_cases=needed.cases if open_question else None,
        needed_events=needed.events if open_question else None,
    )


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
