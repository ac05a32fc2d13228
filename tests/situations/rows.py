"""All seeds of all situations, judged in processes of one thread each, and how often all answers were right.

Enters: names of situations, how many seeds and the first of them. Leaves: for each situation the share of
seeds in which every named question was answered rightly, with what was answered in the text beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tests.judging import judge_all
from tests.measurement import Measured
from tests.situations.judged import Judged, judge
from tests.situations.situations import SITUATIONS

SEEDS = 50
#: In how many of the seeds all answers must be right.
OFTEN = 0.9


def situation_rows(names: Sequence[str], seeds: int, first: int = 0) -> list[Measured]:
    """Judge and return one row a situation; a wrong answer is printed with its seed as it comes."""
    cohorts = [(name, seed) for name in names for seed in range(first, first + seeds)]
    judged = []
    for one in judge_all(judge, cohorts, "verdict"):
        judged.append(one)
        if one.wrong:
            said = ", ".join(f"{name}: {one.answers.get(name, 'not asked')}" for name in one.wrong)
            print(f"{one.situation}, seed {one.seed}, not right: {said}", flush=True)
    return [_row(name, [one for one in judged if one.situation == name]) for name in names]


def _row(name: str, judged: Sequence[Judged]) -> Measured:
    situation = SITUATIONS[name]
    right = sum(not one.wrong for one in judged) / len(judged)
    said = "; ".join(f"{question}: {_counted(question, judged)}" for question in situation.right)
    elsewhere = " and as many elsewhere" if situation.elsewhere is not None else ""
    return Measured(
        name=f"fuse/verdict_{name}",
        value=right,
        unit="of seeds right",
        bar=f">= {OFTEN:g}",
        met=right >= OFTEN,
        input=f"{len(judged)} planted cohorts of {situation.cases} cases{elsewhere}; {said}",
    )


def _counted(question: str, judged: Sequence[Judged]) -> str:
    answers = Counter(one.answers.get(question, "not asked") for one in judged)
    return ", ".join(f"{answer} {count}" for answer, count in answers.most_common())
