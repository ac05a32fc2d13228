"""Cohorts that processes are given: all, in order, and the seeds of one situation together."""

from __future__ import annotations

from operator import mul

from tests.judging import SEEDS_AT_ONCE, _chunks, judge_all


def test_a_process_is_given_seeds_of_one_situation_and_size() -> None:
    cohorts = [("a", size, seed) for size in (95, 300) for seed in range(SEEDS_AT_ONCE + 2)] + [("b", 300, 0)]
    chunks = list(_chunks(cohorts))
    assert [cohort for chunk in chunks for cohort in chunk] == cohorts
    assert [len(chunk) for chunk in chunks] == [SEEDS_AT_ONCE, 2, SEEDS_AT_ONCE, 2, 1]
    assert all(len({cohort[:-1] for cohort in chunk}) == 1 for chunk in chunks)


def test_what_is_judged_comes_in_the_order_of_the_cohorts() -> None:
    cohorts = [(size, seed) for size in (3, 2) for seed in range(SEEDS_AT_ONCE + 1)]
    assert list(judge_all(mul, cohorts, "products")) == [size * seed for size, seed in cohorts]
