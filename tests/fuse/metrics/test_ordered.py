"""Pairs in the right order: Harrell's, Wolbers's, yes against no, each class against the rest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fuse.metrics.concordance import concordant_pairs
from fuse.metrics.ordered import keep_at_risk, ordered_pairs, share_in_order
from fuse.outcomes.outcomes import Classes, Competing, Survival

NAMES = ("a", "b", "c")


def test_a_competing_case_is_beaten_by_every_event_of_interest() -> None:
    outcome = Competing(
        event=np.array([False, True, False, True]),
        time_days=np.array([1.0, 2.0, 3.0, 4.0]),
        cause=np.array([2, 1, 0, 1]),
        causes=("one", "two"),
    )
    # (1, 0): a death on day 1 never recurs. (1, 2), (1, 3): later. (3, 0). 2 was censored before day 4
    assert ordered_pairs(np.array([3.0, 2.0, 1.0, 4.0]), outcome).tolist() == [[2.0, 4.0]]
    assert concordant_pairs(np.array([3.0, 2.0, 1.0, 4.0]), outcome) == (1.0, 2.0)
    assert keep_at_risk(outcome).time_days.tolist() == [np.inf, 2.0, 3.0, 4.0]


def test_where_cases_enter_late_another_cause_ends_observation() -> None:
    """Half of the cases come late, and those who died before they would have never came."""
    rng, n = np.random.default_rng(0), 4000
    risk = rng.normal(size=n)
    ends = (
        rng.exponential(1000 * np.exp(-risk)),
        rng.exponential(500 * np.exp(-risk)),
        rng.uniform(800, 2000, n),
    )
    time, cause = np.min(ends, axis=0), np.array([1, 2, 0])[np.argmin(ends, axis=0)]
    entry = np.where(rng.random(n) < 0.5, rng.uniform(0, 600, n), 0.0)
    came = np.flatnonzero(time > entry)
    whole = Competing(event=cause == 1, time_days=time, cause=cause, causes=("one", "two"))
    late = replace(whole, entry_days=entry).take(came)
    found = share_in_order(ordered_pairs(risk[came], late))
    everybody = Survival(event=cause == 1, time_days=time)
    concordant, comparable = concordant_pairs(risk, everybody)
    assert found == pytest.approx(concordant / comparable, abs=0.02)
    # kept at risk for ever, the few who came and died are in the risk sets of everybody who came after
    for_ever = Survival(
        event=late.event, time_days=np.where(late.cause > 1, np.inf, late.time_days), entry_days=entry[came]
    )
    kept, pairs = concordant_pairs(risk[came], for_ever)
    assert kept / pairs < share_in_order(ordered_pairs(risk, whole)) - 0.02


def test_yes_against_no_is_the_area_under_the_curve() -> None:
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    yes, risk = rng.random(70) < 0.3, np.round(rng.normal(size=70), 1)
    pairs = ordered_pairs(risk, Classes(label=yes.astype(int), names=("no", "yes")))
    assert share_in_order(pairs) == pytest.approx(roc_auc_score(yes, risk), abs=1e-12)
    assert pairs[0, 1] == yes.sum() * (~yes).sum()


def test_several_classes_are_the_mean_of_each_against_the_rest() -> None:
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(1)
    label, scores = rng.integers(0, 3, size=60), rng.normal(size=(60, 3))
    above = scores - scores.mean(axis=1, keepdims=True)
    theirs = np.mean([roc_auc_score(label == k, above[:, k]) for k in range(3)])
    outcome = Classes(label=label, names=NAMES)
    assert share_in_order(ordered_pairs(scores, outcome)) == pytest.approx(theirs, abs=1e-12)
    shifted = scores + 8.0 * np.arange(60)[:, None]
    assert share_in_order(ordered_pairs(shifted, outcome)) == pytest.approx(theirs, abs=1e-12)


def test_a_class_that_is_not_there_has_no_pair() -> None:
    pairs = ordered_pairs(np.eye(3)[[0, 0, 1]], Classes(label=np.array([0, 0, 1]), names=NAMES))
    assert pairs[2].tolist() == [0.0, 0.0]
    assert share_in_order(pairs) == 1.0
    assert share_in_order(np.zeros((1, 2))) == 0.5
