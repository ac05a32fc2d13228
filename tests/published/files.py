"""Synthetic cohorts as real files: how far fusion gets, and what it finds of what was planted.

Enters: how many seeds. Leaves: the measured rows; a line about each cohort is printed as it comes.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from tests.judging import one_thread_each
from tests.measurement import Measured
from tests.published.four_rows import describe_four, rows_of_four
from tests.published.planted import Answer
from tests.published.seed import judge_large_cohort, judge_seed

SEEDS = range(10)
CASES = 200
#: 60 events are too few for an interval on each of four modalities to leave chance; 300 are enough, which
#: was seen on other seeds with perfect readings instead of files.
LARGE_SEED, LARGE_CASES = 20, 1000


def file_rows(seeds: int = len(SEEDS)) -> list[Measured]:
    """Make, extract and judge the first so many cohorts and the large one, as many at a time as cores."""
    answers, four, left = [], [], []
    with tempfile.TemporaryDirectory(prefix="braid-published-") as folder, one_thread_each(None) as pool:
        # the longest first: the seeds fill the other cores meanwhile
        large = pool.submit(judge_large_cohort, Path(folder), LARGE_CASES, LARGE_SEED)
        judged = pool.map(partial(judge_seed, Path(folder), CASES, SEEDS[0]), SEEDS[:seeds])
        for answer, of_four, rows_left in judged:
            print(describe(answer), describe_four(of_four), sep="\n", flush=True)
            answers.append(answer)
            four.append(of_four)
            left += [rows_left] if rows_left else []
        named = large.result()
        print(f"seed {LARGE_SEED}, {LARGE_CASES} cases, alone: {named}", flush=True)
    return rows(answers) + rows_of_four(four, left[0], (LARGE_CASES, named))


def describe(answer: Answer) -> str:
    """Return one line about one cohort."""
    weights = ", ".join(
        f"{name} {answer.learned[name]:.2f} (planted {planted:.2f})"
        for name, planted in sorted(answer.planted.items())
    )
    late, oracle = f"late {answer.late:.3f}, early {answer.early:.3f}", f"oracle {answer.oracle:.3f}"
    known = f"{oracle}, true risk {answer.true_risk:.3f}, way {answer.way:.2f}"
    return f"seed {answer.seed}: {late}, {known}, noise costs {answer.noise_cost:.3f}; {weights}"


def rows(answers: list[Answer]) -> list[Measured]:
    """Return the measured rows: the two ways, the two rankings, the cost of noise."""
    source = (
        f"{len(answers)} synthetic CHIMERA cohorts of {CASES} cases, slides + notes + clinical, 3 x 5 folds"
    )

    def row(name: str, value: float, unit: str, bar: str | None = None, met: bool | None = None) -> Measured:
        return Measured(name=f"fuse/{name}", value=value, unit=unit, bar=bar, met=met, input=source)

    late, early, oracle, true_risk = (
        np.array([getattr(answer, name) for answer in answers])
        for name in ("late", "early", "oracle", "true_risk")
    )
    way = (late.mean() - 0.5) / (oracle.mean() - 0.5)
    names = sorted(answers[0].planted)
    learned = [answer.learned[name] for answer in answers for name in names]
    planted = [answer.planted[name] for answer in answers for name in names]
    together = float(spearmanr(learned, planted).statistic)
    # Divided by their sum, which differs from cohort to cohort by chance; the planted sum is always the same.
    divided = float(spearmanr([s for a in answers for s in shares(a.learned)], planted).statistic)
    known = float(spearmanr([a.from_truth[name] for a in answers for name in names], planted).statistic)
    each = [
        float(spearmanr([a.learned[name] for name in names], [a.planted[name] for name in names]).statistic)
        for a in answers
    ]
    cost = float(np.mean([answer.noise_cost for answer in answers]))
    return [
        row("planted_late_c", float(late.mean()), "C"),
        row("planted_early_c", float(early.mean()), "C"),
        row("planted_oracle_c", float(oracle.mean()), "C"),
        row("planted_true_risk_c", float(true_risk.mean()), "C"),
        row("planted_late_of_way_to_oracle", float(way), "of the way", ">= .8", bool(way >= 0.8)),
        row("planted_weights_spearman", together, "rho", ">= .8", together >= 0.8),
        row("planted_weights_spearman_of_true_readings", known, "rho"),
        row("planted_weights_spearman_as_shares", divided, "rho"),
        row("planted_weights_spearman_within_seed", float(np.mean(each)), "mean rho"),
        row("noise_modality_cost", cost, "C", "<= .01", cost <= 0.01),
    ]


def shares(weights: dict[str, float]) -> list[float]:
    """Return the weights in the order of the names, as shares of their sum."""
    return [weights[name] / sum(weights.values()) for name in sorted(weights)]
