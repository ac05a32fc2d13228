"""What the number behind an answer of the verdict is: a C (or AUROC), a difference of two, or a ratio.

Enters: one question of verdict.json. Leaves: its estimate in words. The ids are those that the verdict
gives; the number of any other question is shown without a name.
"""

from __future__ import annotations

from fuse.report.documents import Question
from fuse.report.numerals import decimal, signed, span


def write_estimate(question: Question, metric: str = "C") -> tuple[str, str, str]:
    """Return what is estimated (in `metric`), the estimate, and the interval ("" where there is none)."""
    interval = span(question.low, question.high)
    if question.id.startswith(("adds_", "beats_")):
        return f"difference in {metric}", signed(question.estimate), interval
    if question.id.startswith(("better_", "predicts_")):
        return metric, decimal(question.estimate), interval
    if question.id == "calibration":
        return "observed / expected", decimal(question.estimate), interval
    return "", decimal(question.estimate), interval
