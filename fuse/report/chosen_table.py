"""What each arm chose inside its train parts: the penalty, the epochs, the single modality.

Enters: the rows of chosen.csv. Leaves: for each arm its choices, the commonest first, with the number of
train parts that made them. Arms that had nothing to choose have no line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fuse.report.documents import ChosenRow
from fuse.report.run_document import RunDocument

NOTHING_TO_CHOOSE = "nothing to choose"


@dataclass(frozen=True, kw_only=True)
class ChoiceLine:
    """One arm with its choices, each with how many of `parts` train parts made it."""

    arm: str
    choices: tuple[tuple[str, int], ...]
    parts: int


def count_choices(rows: Sequence[ChosenRow], document: RunDocument) -> tuple[ChoiceLine, ...]:
    """Return a line for each arm that chose, in the order of the page."""
    labels = document.labels
    lines = []
    for arm in document.sorted_arms:
        # what the selected single modality chose is an arm
        counts = Counter(labels.get(row.chosen, row.chosen) for row in rows if row.arm == arm.name)
        if set(counts) - {NOTHING_TO_CHOOSE}:
            ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
            lines.append(ChoiceLine(arm=labels[arm.name], choices=tuple(ordered), parts=sum(counts.values())))
    return tuple(lines)
