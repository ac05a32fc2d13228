"""What a fit says of itself: every case scored by networks that have not seen it, with intervals over cases.

Enters: scores of studies. Leaves: the text of scores.csv (one row a study and structure) and of summary.csv
(one row a structure and score). The unit is the case: studies of one case count together. Cases of which a
score is not defined are counted beside every mean, never filled in.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from extract.segment.detection import detect
from extract.segment.scores import StructureScore, presence
from feature_cache.csv_lines import csv_line, guarded

#: Draws of the percentile bootstrap over cases, and where its generator begins.
DRAWS, SEED = 2000, 0
_LEAST_CASES = 3
_BOOTSTRAP = f"percentile bootstrap over cases, {DRAWS} draws, conditional on the fitted models"
_WILSON = "Wilson, conditional on the fitted models"
#: Scores with a mean; volume error is signed, so its mean is a bias.
_SCORES = ("dice", "hd95_mm", "hd95_voxels", "volume_error_ml", "volume_error_relative")
_COUNTS = ("volume_error_voxels", "drawn_voxels", "predicted_voxels")
SCORE_COLUMNS = (
    "case_id", "study_id", "frame", "model", "part", "structure", "presence", *_SCORES, *_COUNTS,
)  # fmt: skip
SUMMARY_COLUMNS = (
    "structure",
    "score",
    "estimate",
    "low",
    "high",
    "method",
    "n_cases",
    "n_undefined",
    "part",
)


@dataclass(frozen=True, kw_only=True)
class ScoredStudy:
    """The scores of one study by one network. `part`: test = it had not seen the case; train = it had."""

    case_id: str
    study_id: str
    frame: int | None
    model: str
    part: str
    scores: tuple[StructureScore, ...]


def scores_text(scored: Iterable[ScoredStudy]) -> str:
    """Return scores.csv."""
    lines = [csv_line(SCORE_COLUMNS)]
    for one in scored:
        who = (guarded(one.case_id), guarded(one.study_id), _cell(one.frame), one.model, one.part)
        for score in one.scores:
            numbers = (_cell(getattr(score, name)) for name in (*_SCORES, *_COUNTS))
            lines.append(csv_line((*who, guarded(score.structure), score.presence, *numbers)))
    return "".join(lines)


def summary_text(scored: Sequence[ScoredStudy], structures: Sequence[str]) -> str:
    """Return summary.csv; parts apart: what a network had seen says nothing of what it can do."""
    lines = [csv_line(SUMMARY_COLUMNS)]
    for part in ("test", "train"):
        of_part = [one for one in scored if one.part == part]
        if of_part:
            for place, structure in enumerate(structures):
                column = [(one.case_id, one.scores[place]) for one in of_part]
                lines += [csv_line((guarded(structure), *row, part)) for row in _summary_rows(column)]
    return "".join(lines)


def case_means(
    column: Iterable[tuple[str, StructureScore]], score_of: Callable[[StructureScore], float | None]
) -> tuple[list[float], int]:
    """Return the mean score of every case where it is defined, and how many cases have none."""
    by_case: dict[str, list[float]] = defaultdict(list)
    for case_id, score in column:
        own, value = by_case[case_id], score_of(score)
        if value is not None:
            own.append(value)
    means = [math.fsum(values) / len(values) for values in by_case.values() if values]
    return means, len(by_case) - len(means)


def _summary_rows(column: Sequence[tuple[str, StructureScore]]) -> Iterable[tuple[str, ...]]:
    for name in _SCORES:
        means, undefined = case_means(column, lambda score, name=name: getattr(score, name))  # type: ignore[misc]
        if not means and name != "dice":
            continue  # mm and voxels are never both there
        estimate = math.fsum(means) / len(means) if means else None
        low, high = _interval(means)
        method = _BOOTSTRAP if low is not None else f"none: fewer than {_LEAST_CASES} cases"
        yield name, _cell(estimate), _cell(low), _cell(high), method, str(len(means)), str(undefined)
    said = detect(_cases(column))
    for name, right, of in (
        ("sensitivity", said.found, said.found + said.missed),
        ("specificity", said.absent, said.absent + said.invented),
    ):
        low, high = _wilson(right, of)
        undefined = len({case_id for case_id, _ in column}) - of
        share = right / of if of else None
        yield name, _cell(share), _cell(low), _cell(high), _WILSON, str(of), str(undefined)


def _cases(column: Sequence[tuple[str, StructureScore]]) -> list[StructureScore]:
    """Return a score of every case that says which masks have the structure, in any of its studies."""
    by_case: dict[str, list[StructureScore]] = defaultdict(list)
    for case_id, score in column:
        by_case[case_id].append(score)
    return [
        replace(
            own[0],
            presence=presence(
                any(one.predicted_voxels > 0 for one in own), any(one.drawn_voxels > 0 for one in own)
            ),
        )
        for own in by_case.values()
    ]


def _interval(means: Sequence[float]) -> tuple[float | None, float | None]:
    if len(means) < _LEAST_CASES:
        return None, None
    drawn = np.random.default_rng(SEED).integers(0, len(means), (DRAWS, len(means)))
    low, high = np.percentile(np.array(means)[drawn].mean(axis=1), (2.5, 97.5))
    return float(low), float(high)


def _wilson(right: int, of: int) -> tuple[float | None, float | None]:
    """Return Wilson's 95 % interval of a share (Wilson 1927; Brown et al. 2001, equation 4)."""
    if not of:
        return None, None
    z = 1.959963984540054
    share = right / of
    centre = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    # at the ends the formula gives exactly 0 and 1, but for rounding
    return (0.0 if right == 0 else centre - half), (1.0 if right == of else centre + half)


def _cell(value: float | int | None) -> str:
    return "" if value is None else repr(value)
