"""All seeds of all situations, judged in processes of one thread each, and how often all answers were right.

Enters: names of situations, how many seeds and the first of them. Leaves: for each situation the share of
seeds in which every named question was answered rightly, with what was answered in the text beside it.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

from tests.measurement import Measured
from tests.situations.judged import Judged, judge
from tests.situations.situations import SITUATIONS

SEEDS, JOBS = 50, 2
#: In how many of the seeds all answers must be right.
OFTEN = 0.9


def situation_rows(names: Sequence[str], seeds: int, first: int = 0) -> list[Measured]:
    """Judge and return one row a situation; what comes is told as it comes."""
    judged = judge_all([(name, seed) for name in names for seed in range(first, first + seeds)])
    return [_row(name, [one for one in judged if one.situation == name]) for name in names]


def judge_all(cohorts: Sequence[tuple[str, int]]) -> list[Judged]:
    """Judge cohorts (situation, seed); a wrong answer is printed with its seed."""
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    begun, judged = time.monotonic(), list[Judged]()
    with ProcessPoolExecutor(JOBS, mp_context=multiprocessing.get_context("spawn")) as pool:
        for future in as_completed([pool.submit(judge, *cohort) for cohort in cohorts]):
            one = future.result()
            judged.append(one)
            passed = time.monotonic() - begun
            left = passed / len(judged) * (len(cohorts) - len(judged))
            if one.wrong:
                said = ", ".join(f"{name}: {one.answers.get(name, 'not asked')}" for name in one.wrong)
                print(f"{one.situation}, seed {one.seed}, not right: {said}", flush=True)
            if len(judged) % 10 == 0:
                print(f"{len(judged)}/{len(cohorts)}, {passed:.0f} s, {left:.0f} s left", flush=True)
    return sorted(judged, key=lambda one: (one.situation, one.seed))


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
