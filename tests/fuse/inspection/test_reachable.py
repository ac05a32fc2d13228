"""What a cohort can show: exact where it is known, and as a ridge Cox model has it where it is not."""

from __future__ import annotations

import numpy as np
import pytest

from fuse.folds.folds import FoldPlan, Folds, Strata, make_folds
from fuse.inspection.reachable import _pairs, _pull, fixed_score_sd, reachable
from fuse.metrics.concordance import concordant_pairs
from fuse.outcomes.outcomes import Classes, Outcome, Survival


def outcomes(n: int, seed: int = 1) -> Survival:
    rng = np.random.default_rng(seed)
    time, end = rng.exponential(2000, size=n), rng.uniform(100, 1200, size=n)
    return Survival(event=time < end, time_days=np.minimum(time, end))


def folds_of(outcome: Outcome, repeats: int = 2) -> Folds:
    ids = [str(number) for number in range(len(outcome))]
    plan = FoldPlan(inner=4, seed=0, repeats=repeats, folds=5)
    return make_folds(ids, Strata(outcome=outcome, sites=[None] * len(ids)), plan)


def test_a_score_drawn_without_looking_strays_as_the_formula_says() -> None:
    outcome = outcomes(60)
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(4000):
        right, pairs = concordant_pairs(rng.normal(size=60), outcome)
        drawn.append(right / pairs)
    assert np.std(drawn) == pytest.approx(fixed_score_sd(outcome), rel=0.04)
    n = 40
    every = Survival(event=np.ones(n, np.bool_), time_days=np.arange(n) + 1.0)
    assert fixed_score_sd(every) == pytest.approx(np.sqrt((2 * n + 5) / (18 * n * (n - 1))), abs=1e-12)


def test_models_of_nothing_stray_as_the_design_s_simulation_has_it() -> None:
    """95 cases and about 27 events: a standard deviation of .085 to .09 around .5 (ridge Cox, 24 columns)."""
    outcome = outcomes(95, seed=3)
    found = reachable(outcome, folds_of(outcome))
    assert found is not None
    assert found.null_sd == pytest.approx(0.0875, abs=0.012)
    assert found.null_mean == pytest.approx(0.5, abs=3 * found.null_sd / np.sqrt(found.draws))
    assert found.null_high == pytest.approx(0.5 + 2 * found.null_sd, abs=0.04)


def test_what_can_be_shown_falls_with_the_root_of_the_cases() -> None:
    small, large = (reachable(one, folds_of(one)) for one in (outcomes(250), outcomes(1000)))
    assert small is not None and large is not None
    assert small.smallest_gain / large.smallest_gain == pytest.approx(2.0, rel=0.3)
    assert small.cases_for_gain == pytest.approx(large.cases_for_gain, rel=0.6)


def test_the_same_seed_gives_the_same_and_two_classes_have_one_too() -> None:
    label = (np.arange(100) % 3 == 0).astype(np.int64)
    yes = Classes(label=label, names=("no", "yes"))
    first, second = reachable(yes, folds_of(yes)), reachable(yes, folds_of(yes))
    assert first == second
    assert first is not None and 0.04 < first.null_sd < 0.12
    three = Classes(label=np.arange(100) % 3, names=("a", "b", "c"))
    assert reachable(three, folds_of(three)) is None


def entering() -> Survival:
    """58 cases, a quarter of whom came under observation late."""
    i = np.arange(60)
    time, entry = 50 + (37 * i) % 601 + i / 100, np.where(i % 4 == 0, 40.0 + (29 * i) % 300, 0.0)
    outcome = Survival(event=(i * 7) % 5 < 3, time_days=time, entry_days=entry)
    return outcome.take(np.flatnonzero(entry < time))


def test_pairs_of_cases_that_enter_late_are_those_under_observation_together() -> None:
    outcome = entering()
    earlier, later = _pairs(outcome)
    assert len(earlier) == concordant_pairs(np.zeros(len(outcome)), outcome)[1]
    assert outcome.entry_days is not None and (outcome.entry_days[later] < outcome.time_days[earlier]).all()
    alone = Survival(event=outcome.event, time_days=outcome.time_days)
    assert len(earlier) < len(_pairs(alone)[0])


def test_residuals_of_cases_that_enter_late_as_in_r() -> None:
    """R 4.2: residuals(coxph(Surv(entry, time, event) ~ g, init = 0, iter.max = 0), "martingale")[1:4]."""
    theirs = [0.9787234042553190, 0.9342570010932634, -0.1122797954435333, 0.8139397167515887]
    assert _pull(entering())[:4] == pytest.approx(theirs, abs=1e-12)
