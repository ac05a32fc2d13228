"""Who is known at a day, with which weight, and whose follow-up decides it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fuse.metrics.censoring import weigh
from fuse.metrics.evaluation import evaluate_arm
from fuse.metrics.known_status import known_at
from fuse.metrics.recalibration import calibration_slope
from fuse.metrics.scored import join
from fuse.outcomes.outcomes import Survival


def test_cases_censored_before_the_day_are_left_out_and_the_others_stand_for_them(trial) -> None:
    known = known_at(join(trial.predict(trial.hazard), trial.truths), 700.0)
    outcome = join(trial.predict(trial.hazard), trial.truths).outcome
    lost = np.flatnonzero(~outcome.event & (outcome.time_days <= 700))
    assert len(lost) and not set(lost) & set(known.row.tolist())
    assert len(known.row) == 2 * (90 - len(lost))  # two repeats
    assert known.happened.tolist() == (outcome.event & (outcome.time_days <= 700))[known.row].tolist()
    assert known.weight.sum() == pytest.approx(2 * 90, rel=0.06)
    said = 1 - np.exp(-np.exp(trial.hazard[known.row]) * 700 / 2000)
    assert known.probability == pytest.approx(said, abs=1e-12)
    assert not known.constant and "of the train part, capped at 20 (0 cases)" in known.note
    assert known.of_cases(True) == int((outcome.event & (outcome.time_days <= 700)).sum())


def test_another_cohort_is_weighed_by_its_own_follow_up(make_trial) -> None:
    here, there = make_trial(200, 1), make_trial(120, 2)
    short = Survival(
        event=here.outcome.event & (here.outcome.time_days <= 300),
        time_days=np.minimum(here.outcome.time_days, 300.0 + np.arange(200) % 7),
    )
    whole = np.arange(120)
    truth = replace(there.truths[0], test=there.outcome, train=short, external=True)
    said = replace(
        there.predict(there.hazard)[0],
        case_ids=tuple(f"{row:03d}" for row in whole),
        risk=there.hazard,
        event_free=np.exp(-np.exp(there.hazard)[:, None] * there.predict(there.hazard)[0].times_days / 2000),
    )
    known = known_at(join([said], [truth]), 700.0)
    own = weigh(there.outcome, there.outcome, np.array([700.0]))
    assert known.weight == pytest.approx((own.had_event + own.event_free)[known.row, 0])
    assert "of the tested cohort" in known.note
    rows = {row.metric: row for row in evaluate_arm([said], [truth], 700.0, 0)}
    assert "of the tested cohort" in rows["brier_700"].method
    same = {
        row.metric: row
        for row in evaluate_arm([said], [replace(truth, train=there.outcome, external=False)], 700.0, 0)
    }
    for name in ("brier_700", "ipa", "auc_350", "uno_c", "calibration_slope"):
        assert rows[name].estimate == same[name].estimate


def test_the_slope_of_the_truth_is_one_under_censoring(make_trial) -> None:
    """The exact model at 95 cases: the nominal 95 % interval holds 1, whoever is censored."""
    held, runs = 0, 120
    for seed in range(runs):
        trial = make_trial(95, seed)
        _, interval = calibration_slope(known_at(join(trial.predict(trial.hazard), trial.truths), 900.0))
        held += interval.low < 1 < interval.high
    assert held / runs >= 0.9
