"""Whether a case has a structure at all, and whether that was said: counts over cases.

Enters: the scores of one structure, one a case. Leaves: how often it was found, missed, invented and rightly
absent. One voxel is enough to have it. Overlap and distance say nothing of cases where a structure was missed
or invented; these counts do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from extract.segment.scores import StructureScore


@dataclass(frozen=True, kw_only=True)
class Detection:
    """Cases by where the structure is: in both masks, in the drawn one, in the predicted one, in none.

    Sensitivity is found / (found + missed), specificity absent / (absent + invented).
    """

    found: int
    missed: int
    invented: int
    absent: int


def detect(scores: Sequence[StructureScore]) -> Detection:
    """Count cases by where one structure is.

    Raises
    ------
    ValueError
        The scores are of several structures.
    """
    names = {score.structure for score in scores}
    if len(names) > 1:
        raise ValueError(f"scores of {', '.join(sorted(names))} counted as one structure")
    said = [score.presence for score in scores]
    return Detection(
        found=said.count("found"),
        missed=said.count("missed"),
        invented=said.count("invented"),
        absent=said.count("absent"),
    )
