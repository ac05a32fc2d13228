"""Columns that are the outcome are errors; dates of entry, good predictors and honest gaps are not."""

from __future__ import annotations

import numpy as np
import pytest

from fuse.cases import Modality
from fuse.inspection.leaks import leak_of
from fuse.inspection.outcome_columns import outcome_columns
from fuse.outcomes.outcomes import Classes, Survival

N = 120


def cohort(seed: int) -> tuple[Survival, np.ndarray, np.ndarray]:
    """Draw outcomes with staggered entry and one end of the study; return them, risk and entry day."""
    rng = np.random.default_rng(seed)
    risk = rng.normal(size=N)
    entry = rng.uniform(0, 1500, size=N)
    time, end = rng.exponential(1500 * np.exp(-1.5 * risk)), 2000 - entry
    return Survival(event=time < end, time_days=np.minimum(time, end) + 1), risk, entry


def found(values: np.ndarray, outcome: Survival | Classes) -> list[tuple[str | None, str]]:
    columns = values.reshape(N, -1)
    modality = Modality(
        name="clinical",
        feature_set="made",
        present=np.isfinite(columns).any(axis=1),
        columns=tuple(f"v{number}" for number in range(columns.shape[1])),
        values=columns,
    )
    return [(leak_of(problem), problem.level) for problem in outcome_columns(modality, outcome)]


@pytest.mark.parametrize("seed", range(3))
def test_follow_up_is_found_in_another_unit_rounded_and_turned_around(seed: int) -> None:
    outcome, *_ = cohort(seed)
    rng = np.random.default_rng(seed)
    for values in (
        outcome.time_days / 30.4375,
        np.log(outcome.time_days),
        -np.round(outcome.time_days / 100),
        outcome.time_days + rng.normal(scale=20, size=N),
    ):
        assert found(values, outcome) == [("follow-up-as-feature", "error")]


def test_a_date_of_entry_orders_the_censored_alone_and_is_let_pass() -> None:
    """With one end of the study, entry and follow-up of the censored are one order."""
    for seed in range(20):
        outcome, _, entry = cohort(seed)
        censored = ~outcome.event
        assert np.all(np.diff(entry[censored][np.argsort(outcome.time_days[censored])]) < 0)
        assert found(entry, outcome) == []


def test_the_true_risk_itself_is_let_pass() -> None:
    for seed in range(20):
        outcome, risk, _ = cohort(seed)
        assert found(risk, outcome) == []
        assert found((risk > np.quantile(risk, 0.5)).astype(float), outcome) == []


def test_follow_up_where_everybody_has_the_event_must_be_the_same_order() -> None:
    outcome, _, _ = cohort(0)
    every = Survival(event=np.ones(N, np.bool_), time_days=outcome.time_days)
    assert found(outcome.time_days / 7, every) == [("follow-up-as-feature", "error")]
    near = outcome.time_days * np.exp(np.random.default_rng(0).normal(scale=0.3, size=N))
    assert found(near, every) == [("follow-up-as-feature", "warning")]


def test_an_indicator_that_is_the_event() -> None:
    outcome, *_ = cohort(1)
    event = outcome.event.astype(float)
    one_off = event.copy()
    one_off[0] = 1 - one_off[0]
    for values in (event, 3 - event, one_off):
        assert found(values, outcome) == [("outcome-as-feature", "error")]
    shuffled = np.random.default_rng(0).permutation(event)
    assert found(shuffled, outcome) == []


def test_a_value_that_only_cases_with_the_event_have() -> None:
    outcome, risk, _ = cohort(2)
    rng = np.random.default_rng(0)
    some = np.where(outcome.event & (rng.random(N) < 0.6), 1.0, np.nan)
    values = np.stack([risk, some], axis=1)
    assert found(values, outcome) == [("outcome-as-feature", "error")]


def test_missing_by_the_outcome_is_a_warning_and_missing_by_risk_is_none() -> None:
    outcome, risk, _ = cohort(3)
    rng = np.random.default_rng(1)
    died_before = np.where(outcome.event & (rng.random(N) < 0.6), np.nan, rng.normal(size=N))
    assert found(np.stack([risk, died_before], axis=1), outcome) == [("missing-by-outcome", "warning")]
    too_ill = np.where(risk > 1, np.nan, rng.normal(size=N))
    assert found(np.stack([risk, too_ill], axis=1), outcome) == []


def test_classes_are_compared_one_by_one() -> None:
    label = np.arange(N) % 3
    outcome = Classes(label=label, names=("low", "middle", "high"))
    assert found((label == 1).astype(float), outcome) == [("outcome-as-feature", "error")]
    assert found(label + 0.1 * np.random.default_rng(0).normal(size=N), outcome) == []


def test_ten_thousand_columns_of_noise_raise_nothing() -> None:
    """Twelve events among 120 cases, every column looked at: no chance agreement comes near."""
    rng = np.random.default_rng(4)
    event = np.zeros(N, np.bool_)
    event[:12] = True
    outcome = Survival(event=event, time_days=rng.exponential(500, size=N) + 1)
    noise = rng.normal(size=(N, 5000))
    flags = (rng.random((N, 5000)) < rng.uniform(0.02, 0.5, size=5000)).astype(float)
    assert found(np.hstack([noise, flags]), outcome) == []
