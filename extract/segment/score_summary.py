"""What the scores of many cases say together, structure by structure.

Enters: the scores of cases. Leaves: means over the cases where a score is defined, with how many those are,
and how often a structure was rightly said to be there. Counts of what was left out stand beside every mean:
a mean distance over the cases that were found says nothing of those that were missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from extract.segment.scores import StructureScore


@dataclass(frozen=True, kw_only=True)
class MeanOverCases:
    """A mean over the `n_cases` where the score is defined; None where it is defined nowhere."""

    mean: float | None
    n_cases: int


@dataclass(frozen=True, kw_only=True)
class Detection:
    """Whether a case has the structure at all (one voxel is enough): counts, and what follows from them.

    `sensitivity` is None where no case has it drawn, `specificity` where every case has.
    """

    found: int
    missed: int
    invented: int
    absent: int
    sensitivity: float | None
    specificity: float | None


@dataclass(frozen=True, kw_only=True)
class StructureSummary:
    """One structure over all cases. `dice` is over cases that have it in either mask, a missed one as 0."""

    structure: str
    dice: MeanOverCases
    hd95_mm: MeanOverCases
    hd95_voxels: MeanOverCases
    volume_error_ml: MeanOverCases
    volume_error_relative: MeanOverCases
    detection: Detection


def summarise(cases: Sequence[Sequence[StructureScore]]) -> list[StructureSummary]:
    """Summarise the scores of cases.

    Parameters
    ----------
    cases
        Of each case its scores, the same structures in the same order.

    Returns
    -------
    list[StructureSummary]
        One a structure, in their order.

    Raises
    ------
    ValueError
        The cases have other structures.
    """
    return [_summarise_one(column) for column in zip(*cases, strict=True)]


def _summarise_one(scores: Sequence[StructureScore]) -> StructureSummary:
    names = {score.structure for score in scores}
    if len(names) > 1:
        raise ValueError(f"scores of {', '.join(sorted(names))} in one column")
    return StructureSummary(
        structure=scores[0].structure,
        dice=_mean([score.dice for score in scores]),
        hd95_mm=_mean([score.hd95_mm for score in scores]),
        hd95_voxels=_mean([score.hd95_voxels for score in scores]),
        volume_error_ml=_mean([score.volume_error_ml for score in scores]),
        volume_error_relative=_mean([score.volume_error_relative for score in scores]),
        detection=detect(scores),
    )


def detect(scores: Sequence[StructureScore]) -> Detection:
    """Count in how many cases one structure was rightly and wrongly said to be there."""
    said = [score.presence for score in scores]
    found, missed = said.count("found"), said.count("missed")
    invented, absent = said.count("invented"), said.count("absent")
    return Detection(
        found=found,
        missed=missed,
        invented=invented,
        absent=absent,
        sensitivity=found / (found + missed) if found + missed else None,
        specificity=absent / (absent + invented) if absent + invented else None,
    )


def _mean(values: Sequence[float | None]) -> MeanOverCases:
    defined = [value for value in values if value is not None]
    return MeanOverCases(mean=sum(defined) / len(defined) if defined else None, n_cases=len(defined))
