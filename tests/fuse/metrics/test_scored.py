from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from feature_cache.errors import OutcomeError
from fuse.cases import FoldPrediction, FoldTruth
from fuse.metrics.scored import join
from fuse.outcomes.outcomes import Competing


def test_rows_lead_to_the_outcome_of_the_same_case(trial) -> None:
    arm = join(trial.predict(trial.hazard)[::-1], trial.truths)
    assert len(arm.case_ids) == len(trial.outcome)
    assert [len(folds) for folds in arm.repeats()] == [5, 5]
    for fold in arm.folds:
        assert [arm.case_ids[row] for row in fold.rows] == list(fold.prediction.case_ids)
        assert (arm.outcome.time_days[fold.rows] == fold.truth.test.time_days).all()
        assert (arm.outcome.event[fold.rows] == fold.truth.test.event).all()


def test_refuses_a_missing_and_a_doubled_fold(trial) -> None:
    predictions = trial.predict(trial.hazard)
    with pytest.raises(OutcomeError, match="9 predictions of 9 folds"):
        join(predictions[1:], trial.truths)
    with pytest.raises(OutcomeError, match="10 predictions of 9 folds"):
        join([*predictions[1:], predictions[1]], trial.truths)
    with pytest.raises(OutcomeError, match="each of the 0 folds"):
        join([], [])


def test_refuses_predictions_of_other_length(trial) -> None:
    predictions = trial.predict(trial.hazard)
    first = predictions[0]
    predictions[0] = replace(
        first, case_ids=first.case_ids[1:], risk=first.risk[1:], event_free=first.event_free[1:]
    )
    with pytest.raises(OutcomeError, match=r"repeat 0, fold 0: expected 18 test cases"):
        join(predictions, trial.truths)


@pytest.mark.parametrize("field", ["risk", "event_free"])
def test_refuses_what_is_no_prediction_and_names_the_case(trial, field: str) -> None:
    predictions = trial.predict(trial.hazard)
    broken = getattr(predictions[3], field).copy()
    broken[2] = np.nan if field == "risk" else 1.5
    predictions[3] = replace(predictions[3], **{field: broken})
    case = predictions[3].case_ids[2]
    with pytest.raises(OutcomeError, match=rf"fold 3, case {case}: expected a finite risk"):
        join(predictions, trial.truths)


def test_refuses_two_outcomes_of_one_case(trial) -> None:
    truths = list(trial.truths)
    test = truths[-1].test
    truths[-1] = replace(truths[-1], test=replace(test, time_days=test.time_days + 1))
    with pytest.raises(OutcomeError, match="expected the same outcome in every repeat"):
        join(trial.predict(trial.hazard), truths)


def test_causes_and_entry_go_with_their_case() -> None:
    tests = [
        Competing(
            event=np.array([k == 0]),
            time_days=np.array([5.0 + k]),
            cause=np.array([k + 1]),
            causes=("one", "two", "three"),
            entry_days=np.array([float(k)]),
        )
        for k in range(2)
    ]
    said = [
        FoldPrediction(
            repeat=1,
            fold=k + 1,
            case_ids=("ba"[k],),
            risk=np.zeros(1),
            times_days=np.array([9.0]),
            event_free=np.ones((1, 1)),
        )
        for k in range(2)
    ]
    arm = join(said, [FoldTruth(repeat=1, fold=k + 1, test=tests[k], train=tests[1 - k]) for k in range(2)])
    assert isinstance(arm.outcome, Competing) and arm.outcome.entry_days is not None
    assert arm.case_ids == ("a", "b")
    assert (arm.outcome.cause.tolist(), arm.outcome.time_days.tolist()) == ([2, 1], [6.0, 5.0])
    assert arm.outcome.entry_days.tolist() == [1.0, 0.0]
    other = replace(tests[1], cause=np.array([3]))
    again = [replace(said[0], repeat=2), replace(said[1], repeat=2)]
    truths = [
        FoldTruth(repeat=r, fold=k + 1, test=other if (r, k) == (2, 1) else tests[k], train=tests[1 - k])
        for r in (1, 2)
        for k in range(2)
    ]
    with pytest.raises(OutcomeError, match="outcome of case a"):
        join([*said, *again], truths)
