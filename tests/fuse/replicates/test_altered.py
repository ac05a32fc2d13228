from __future__ import annotations

import numpy as np
import pytest

from feature_cache.errors import OutcomeError
from fuse.folds.folds import FoldPlan, Strata, make_folds
from fuse.outcomes.outcomes import Survival
from fuse.replicates.altered import Cohort, deal_outcomes, one_repeat, resample_cases
from tests.fuse.simulated import make_cohort


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    made = make_cohort(seed=1)
    strata = Strata(outcome=made.outcome, sites=[None] * len(made.cases))
    folds = make_folds(made.cases.case_ids, strata, FoldPlan(inner=3, seed=0, repeats=2, folds=4))
    return Cohort(cases=made.cases, outcome=made.outcome, folds=one_repeat(folds.folds, 1))


def test_a_case_and_its_copies_stay_in_one_fold_and_keep_their_outcome(cohort) -> None:
    altered = resample_cases(cohort, np.random.default_rng(0))
    ids = np.array(altered.cases.case_ids)
    assert len(ids) == len(cohort.cases)
    assert 40 < len(set(ids)) < 70  # 63 % of 90 are expected
    time_of = dict(zip(cohort.cases.case_ids, cohort.outcome.time_days, strict=True))
    assert [time_of[case] for case in ids] == altered.outcome.time_days.tolist()
    assert len(altered.folds) == 4
    for fold, original in zip(altered.folds, cohort.folds, strict=True):
        assert set(ids[fold.train]).isdisjoint(ids[fold.test])
        assert sorted([*fold.train, *fold.test]) == list(range(len(ids)))
        inner_of = {
            cohort.cases.case_ids[row]: inner
            for row, inner in zip(original.train, original.inner, strict=True)
        }
        assert [inner_of[case] for case in ids[fold.train]] == fold.inner.tolist()


def test_resamples_are_others_and_the_same_generator_gives_the_same(cohort) -> None:
    first, again, other = (resample_cases(cohort, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert first.cases.case_ids == again.cases.case_ids != other.cases.case_ids


def test_resamples_that_cannot_be_fitted_are_drawn_again_and_refused_in_the_end(cohort) -> None:
    count = len(cohort.cases)
    event = np.zeros(count, dtype=bool)
    event[[cohort.folds[0].test[0], cohort.folds[1].test[0]]] = True
    few = Cohort(
        cases=cohort.cases,
        outcome=Survival(event=event, time_days=cohort.outcome.time_days),
        folds=cohort.folds,
    )
    for seed in range(5):
        altered = resample_cases(few, np.random.default_rng(seed))
        assert all(altered.outcome.take(fold.train).event.any() for fold in altered.folds)
    event[:] = False
    with pytest.raises(OutcomeError, match="an event in every train part; got none in 100 draws"):
        resample_cases(few, np.random.default_rng(0))


def test_dealing_outcomes_moves_cases_as_a_whole_and_nothing_else(cohort) -> None:
    altered = deal_outcomes(cohort, np.random.default_rng(0))
    assert altered.outcome is cohort.outcome
    assert altered.folds == cohort.folds
    assert sorted(altered.cases.case_ids) == sorted(cohort.cases.case_ids)
    rows = [cohort.cases.case_ids.index(case) for case in altered.cases.case_ids]
    assert rows != list(range(len(rows)))
    for name, modality in altered.cases.modalities.items():
        before = cohort.cases.modalities[name]
        assert np.array_equal(modality.values, before.values[rows], equal_nan=True)
        assert (modality.present == before.present[rows]).all()


def test_repeats_come_in_turn(cohort) -> None:
    made = make_cohort(seed=1)
    strata = Strata(outcome=made.outcome, sites=[None] * len(made.cases))
    folds = make_folds(made.cases.case_ids, strata, FoldPlan(inner=3, seed=0, repeats=2, folds=4)).folds
    assert [{fold.repeat for fold in one_repeat(folds, number)} for number in range(3)] == [{1}, {2}, {1}]
