"""Missing against the outcome: the log-rank test is lifelines', Holm is Holm's, the groups are counted."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fuse.cases import Cases, Modality
from fuse.inspection.missingness import chi_square_p, log_rank_p, missing_against_outcome
from fuse.outcomes.outcomes import Classes, Competing, Outcome, Survival


def cases_of(values: np.ndarray, present: np.ndarray) -> Cases:
    def modality(name: str, table: np.ndarray) -> Modality:
        there = np.isfinite(table).any(axis=1)
        columns = tuple(f"{name}_{number}" for number in range(table.shape[1]))
        return Modality(name=name, feature_set="made", present=there, columns=columns, values=table)

    images = np.where(present[:, None], 1.0, np.nan)
    ids = tuple(str(number) for number in range(len(values)))
    return Cases(case_ids=ids, modalities={"clinical": modality("v", values), "mri": modality("m", images)})


def drawn(n: int = 150) -> tuple[Survival, np.ndarray]:
    rng = np.random.default_rng(6)
    ill = rng.random(n) < 0.3
    time, end = rng.exponential(np.where(ill, 300, 1500)), rng.uniform(200, 2000, size=n)
    return Survival(event=time < end, time_days=np.ceil(np.minimum(time, end) / 20) * 20), ill


@pytest.mark.parametrize("groups", [2, 3, 4])
def test_log_rank_as_lifelines(groups: int) -> None:
    from lifelines.statistics import multivariate_logrank_test

    outcome, _ = drawn()
    group = np.random.default_rng(groups).integers(groups, size=len(outcome))
    theirs = multivariate_logrank_test(outcome.time_days, group, outcome.event).p_value
    assert log_rank_p(outcome, group) == pytest.approx(theirs, abs=1e-10)


def entering() -> tuple[Survival, np.ndarray]:
    """58 cases in three groups, a quarter of whom came under observation late; no two times are equal."""
    i = np.arange(60)
    time, entry = 50 + (37 * i) % 601 + i / 100, np.where(i % 4 == 0, 40.0 + (29 * i) % 300, 0.0)
    kept = np.flatnonzero(entry < time)
    outcome = Survival(event=(i * 7) % 5 < 3, time_days=time, entry_days=entry)
    return outcome.take(kept), (i % 3)[kept]


def test_log_rank_of_cases_that_enter_late_as_the_score_test_of_r() -> None:
    """R 4.2, survival: summary(coxph(Surv(entry, time, event) ~ factor(g)))$sctest; 0.99925 without entry."""
    outcome, group = entering()
    assert log_rank_p(outcome, group) == pytest.approx(0.99761117867802629, abs=1e-12)


def test_chi_square_as_scipy() -> None:
    from scipy.stats import chi2_contingency

    rng = np.random.default_rng(1)
    label, group = rng.integers(3, size=90), rng.integers(2, size=90)
    table = np.array([[((group == g) & (label == k)).sum() for k in range(3)] for g in range(2)])
    ours = chi_square_p(Classes(label=label, names=("a", "b", "c")), group)
    assert ours == pytest.approx(chi2_contingency(table, correction=False).pvalue, abs=1e-12)


def test_who_lacks_mri_and_what_became_of_them() -> None:
    outcome, ill = drawn()
    values = np.random.default_rng(2).normal(size=(len(ill), 3))
    values[:40, 1] = np.nan
    values[:2, 2] = np.nan
    pattern, first, second = missing_against_outcome(cases_of(values, ~ill), outcome, 400.0, ["clinical"])
    assert pattern.what == "modalities"
    assert [(group.name, group.n) for group in pattern.groups] == [
        ("clinical + mri", int((~ill).sum())),
        ("clinical", int(ill.sum())),
    ]
    assert pattern.groups[1].share > pattern.groups[0].high
    assert pattern.groups[1].low < pattern.groups[1].share < pattern.groups[1].high
    assert pattern.p < 1e-6
    assert pattern.holm == pytest.approx(2 * pattern.p)
    assert (first.what, [group.n for group in first.groups]) == ("clinical: v_1", [110, 40])
    assert first.holm == first.p
    assert second.what == "clinical: v_2" and math.isnan(second.p)


@pytest.mark.parametrize("kind", ["binary", "competing", "classes"])
def test_every_kind_of_endpoint(kind: str) -> None:
    survival, ill = drawn()
    cause = np.where(survival.event, 1 + (np.arange(len(ill)) % 2), 0)
    outcome: Outcome = {
        "binary": Classes(label=survival.event.astype(np.int64), names=("no", "yes")),
        "competing": Competing(
            event=cause == 1, time_days=survival.time_days, cause=cause, causes=("a", "b")
        ),
        "classes": Classes(label=np.arange(len(ill)) % 3, names=("a", "b", "c")),
    }[kind]
    values = np.ones((len(ill), 1))
    horizon = 1000.0 if kind == "competing" else None
    (row,) = missing_against_outcome(cases_of(values, ~ill), outcome, horizon, ["clinical"])
    assert 0 <= row.p <= 1
    shares = [group.share for group in row.groups]
    assert all(map(math.isnan, shares)) if kind == "classes" else shares[1] > shares[0]
