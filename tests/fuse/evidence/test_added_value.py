"""Added value: which rungs there are, what they are held against, and that the table says what is there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fuse.cases import FoldPrediction, FoldTruth
from fuse.evidence.added_value import (
    ADDED_VALUE,
    DECISION_CURVES,
    TREAT_ALL,
    AddedValue,
    open_cases,
    write_added_value,
)
from fuse.evidence.evaluation_plan import Evaluated
from fuse.evidence.rungs import DayInUse, rungs_of
from fuse.files import read_csv
from fuse.fitting import ArmResult, FoldResult
from fuse.folds.folds import Fold, Folds
from fuse.metrics.comparison import ComparisonRow, Roles
from fuse.metrics.decision import net_benefit, reclassify
from fuse.metrics.evaluation import MetricRow, evaluate_arm
from fuse.outcomes.outcomes import Classes, Outcome, Survival
from fuse.verdict.words import C_MEASURE

N, DAYS = 60, np.array([200.0, 500.0, 900.0])
SCORE, CLINICAL, LATE = "capra_s__clinical", "ridge_cox__clinical", "late__clinical+notes+slides"
ROLES = Roles(
    fusion=LATE,
    clinical=CLINICAL,
    published_score=SCORE,
    singles={"clinical": CLINICAL, "slides": "ridge_cox__slides"},
)
SUBSETS = [("clinical",), ("slides",), ("clinical", "slides"), ("clinical", "notes", "slides")]


class Door:
    """A door that has these outcomes and notes against how many files a test part was opened."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome, self.sealed = outcome, 0

    def evaluation(self, ids: list[str], sealed: dict[Path, str]) -> Outcome:
        self.sealed = len(sealed)
        return self.training(ids)

    def training(self, ids: list[str]) -> Outcome:
        return self.outcome.take(np.array([int(case) for case in ids]))


def made_folds(count: int = 2) -> Folds:
    folds = [
        Fold(
            repeat=repeat,
            fold=number + 1,
            train=np.setdiff1d(np.arange(N), np.arange(number, N, count)),
            test=np.arange(number, N, count),
            inner=np.zeros(N - len(np.arange(number, N, count)), dtype=int),
        )
        for repeat in (1, 2)
        for number in range(count)
    ]
    return Folds(case_ids=tuple(map(str, range(N))), folds=tuple(folds), source="made")


def result_of(fold: Fold, latent: np.ndarray) -> FoldResult:
    rng = np.random.default_rng([fold.repeat, fold.fold])

    def arm(noise: float) -> ArmResult:
        risk = latent[fold.test] + noise * rng.normal(size=len(fold.test))
        event_free = np.exp(-np.exp(risk)[:, None] * np.array([0.1, 0.3, 0.5]))
        return ArmResult(
            risk=risk,
            probability=event_free,
            train_median=0.0,
            chosen="",
            inner_pairs=np.zeros((1, 1, 2)),
        )

    subsets = {subset: arm(1.0 / len(subset)) for subset in SUBSETS}
    arms = {SCORE: arm(2.0), CLINICAL: arm(1.0), "ridge_cox__slides": arm(1.0), LATE: subsets[SUBSETS[-1]]}
    return FoldResult(
        repeat=fold.repeat,
        fold=fold.fold,
        arms=arms,
        subsets={subset: one.risk for subset, one in subsets.items()},
        subset_probabilities={subset: one.probability for subset, one in subsets.items()},
    )


@pytest.fixture(scope="module")
def latent() -> np.ndarray:
    return np.random.default_rng(0).normal(size=N)


@pytest.fixture(scope="module")
def value(latent: np.ndarray) -> AddedValue:
    rng = np.random.default_rng(1)
    time = np.ceil(rng.exponential(600 * np.exp(-latent)))
    end = rng.uniform(300, 1500, size=N)
    outcome = Survival(event=time <= end, time_days=np.maximum(1, np.minimum(time, np.floor(end))))
    folds = made_folds()
    results = [result_of(fold, latent) for fold in folds.folds]
    rungs = rungs_of(ROLES, results, DayInUse(days=500.0, times_days=DAYS), LATE)
    door = Door(outcome)
    sealed = {Path("a"): "", Path("b"): ""}
    tested = open_cases(folds, door, sealed, 500.0, seed=0)  # type: ignore[arg-type]
    assert door.sealed == 2
    row = MetricRow(
        metric="c_index", estimate=0.7, low=0.6, high=0.8, method="by hand", n_cases=N, n_events=30
    )
    gain = ComparisonRow(
        first=LATE,
        second=CLINICAL,
        metric="c_index",
        difference=0.05,
        low=0.01,
        high=0.09,
        method="by hand",
        named_before=True,
    )
    evaluated = Evaluated(
        metrics={LATE: [row], CLINICAL: [row]},
        comparisons=[gain],
        alone={},
        tested=outcome,
        horizon=None,
        measure=C_MEASURE,
        curves={},
    )
    return AddedValue(
        rungs=rungs, tested=tested, evaluated=evaluated, roles=ROLES, thresholds=np.array([0.2, 0.4])
    )


def rows_of(folder: Path, value: AddedValue) -> dict[tuple[str, str, str, str], dict[str, str]]:
    write_added_value(folder, value)
    _, rows = read_csv(folder / ADDED_VALUE)
    return {(row["rung"], row["against"], row["metric"], row["threshold"]): row for row in rows}


def test_rungs_go_from_the_score_to_everything(value: AddedValue) -> None:
    assert [rung.words for rung in value.rungs] == [
        "published risk score",
        "clinical values",
        "slides",
        "slides + clinical values",
        "slides + notes + clinical values",
    ]
    assert [rung.arm for rung in value.rungs] == [SCORE, CLINICAL, "", "", LATE]


def test_without_a_stack_the_single_modalities_stand_for_the_subsets(latent: np.ndarray) -> None:
    results = [replace(result_of(fold, latent), subsets={}) for fold in made_folds().folds]
    day = DayInUse(days=500.0, times_days=DAYS)
    rungs = rungs_of(replace(ROLES, published_score=""), results, day, "")
    assert [rung.name for rung in rungs] == [CLINICAL, "ridge_cox__slides", LATE]
    assert not rungs_of(Roles(), results, day, "")


def test_the_probability_is_read_off_the_curve_on_the_day_in_use() -> None:
    event_free = np.array([[0.9, 0.6, 0.2]])
    for day, expected in ((500.0, 0.4), (700.0, 0.6), (900.0, 0.8), (100.0, 0.05)):
        assert DayInUse(days=day, times_days=DAYS).of_event(event_free) == pytest.approx(expected)
    assert DayInUse(days=None, times_days=np.zeros(0)).of_event(np.array([[0.3, 0.7]])) == 0.7


def test_prediction_accuracy_is_that_of_the_metrics_with_the_same_interval(
    value: AddedValue, latent: np.ndarray, tmp_path: Path
) -> None:
    folds, opened = made_folds(), value.tested.folds
    said = [
        FoldPrediction(
            repeat=fold.repeat,
            fold=fold.fold,
            case_ids=tuple(folds.case_ids[row] for row in fold.test),
            risk=(arm := result_of(fold, latent).arms[LATE]).risk,
            times_days=DAYS,
            event_free=arm.probability,
        )
        for fold in folds.folds
    ]
    truths = [FoldTruth(repeat=one.repeat, fold=one.fold, test=one.test, train=one.train) for one in opened]
    (ipa,) = (row for row in evaluate_arm(said, truths, 500.0, seed=0) if row.metric == "ipa")
    assert "horizon day 500" in ipa.method
    row = rows_of(tmp_path, value)[LATE, "", "ipa", ""]
    found = [float(row[name]) for name in ("estimate", "low", "high")]
    assert found == pytest.approx([ipa.estimate, ipa.low, ipa.high], abs=1e-12)


def test_what_was_named_before_is_not_computed_a_second_way(value: AddedValue, tmp_path: Path) -> None:
    rows = rows_of(tmp_path, value)
    assert rows[LATE, "", "c_index", ""]["estimate"] == "0.7"
    assert rows[LATE, CLINICAL, "c_index", ""]["estimate"] == "0.05"
    assert rows[LATE, CLINICAL, "c_index", ""]["method"] == "by hand"
    assert "jackknife of cases" in rows["slides", CLINICAL, "c_index", ""]["method"]
    assert (CLINICAL, CLINICAL, "c_index", "") not in rows
    assert (SCORE, CLINICAL, "c_index", "") not in rows
    assert {key[1] for key in rows} == {"", SCORE, CLINICAL}


def test_differences_are_those_of_what_stands_beside_them(value: AddedValue, tmp_path: Path) -> None:
    rows = rows_of(tmp_path, value)
    for metric, threshold in (("ipa", ""), ("net_benefit", "0.2"), ("net_benefit", "0.4")):
        ours, theirs, gained = (
            float(rows[key]["estimate"])
            for key in (
                (LATE, "", metric, threshold),
                (SCORE, "", metric, threshold),
                (LATE, SCORE, metric, threshold),
            )
        )
        assert gained == pytest.approx(ours - theirs, abs=1e-12)
        assert float(rows[LATE, SCORE, metric, threshold]["low"]) < gained
        assert "paired; day 500" in rows[LATE, SCORE, metric, threshold]["method"]


def test_benefit_and_movement_are_those_of_every_case_in_each_repeat(
    value: AddedValue, tmp_path: Path
) -> None:
    rows, tested = rows_of(tmp_path, value), value.tested

    def whole(rung: int, repeat: int) -> np.ndarray:
        said = np.zeros(N)
        for fold, one in zip(tested.folds, value.rungs[rung].folds, strict=True):
            if fold.repeat == repeat:
                said[fold.rows] = one.probability
        return said

    benefit = [
        net_benefit(whole(4, repeat), np.array([0.4]), tested.share, tested.once)[0, 0] for repeat in (1, 2)
    ]
    assert float(rows[LATE, "", "net_benefit", "0.4"]["estimate"]) == pytest.approx(np.mean(benefit))
    moved = [reclassify(whole(0, repeat), whole(4, repeat), 0.4, tested.share) for repeat in (1, 2)]
    for metric, numbers in (
        ("moved_up_per_100", [one.up for one in moved]),
        ("moved_down_per_100", [one.down for one in moved]),
        ("event_share_of_moved_up", [one.event_share_up for one in moved]),
    ):
        found = rows[LATE, SCORE, metric, "0.4"]
        assert float(found["estimate"]) == pytest.approx(np.mean(numbers))
        assert found["low"] == ""


def test_curves_are_of_what_was_named_and_of_treating_all(value: AddedValue, tmp_path: Path) -> None:
    write_added_value(tmp_path, value)
    _, rows = read_csv(tmp_path / DECISION_CURVES)
    assert list(dict.fromkeys(row["curve"] for row in rows)) == [SCORE, CLINICAL, LATE, TREAT_ALL]
    grid = [float(row["threshold"]) for row in rows if row["curve"] == LATE]
    assert grid[0] == 0.01 and grid[-1] >= 0.5 and len(grid) * 4 == len(rows)
    at = next(row for row in rows if row["curve"] == LATE and row["threshold"] == "0.4")
    found = rows_of(tmp_path, value)[LATE, "", "net_benefit", "0.4"]
    assert float(at["net_benefit"]) == pytest.approx(float(found["estimate"]))


def test_no_threshold_no_benefit_and_several_classes_no_rung(value: AddedValue, tmp_path: Path) -> None:
    rows = rows_of(tmp_path, replace(value, thresholds=np.zeros(0)))
    assert {key[2] for key in rows} == {"c_index", "ipa"}
    several = ArmResult(
        risk=np.zeros((3, 3)),
        probability=np.full((3, 3), 1 / 3),
        train_median=0.0,
        chosen="",
        inner_pairs=np.zeros((1, 3, 2)),
    )
    result = FoldResult(repeat=1, fold=1, arms={CLINICAL: several})
    assert rungs_of(ROLES, [result], DayInUse(days=None, times_days=np.zeros(0)), "") == ()
    write_added_value(tmp_path, replace(value, rungs=()))
    assert read_csv(tmp_path / ADDED_VALUE)[1] == [] == read_csv(tmp_path / DECISION_CURVES)[1]


def test_two_classes_have_probabilities_without_a_day(value: AddedValue, tmp_path: Path) -> None:
    label = (np.random.default_rng(2).random(N) < 0.4).astype(int)
    door = Door(Classes(label=label, names=("no", "yes")))
    tested = open_cases(made_folds(), door, {}, None, seed=0)  # type: ignore[arg-type]
    rows = rows_of(tmp_path, replace(value, tested=tested))
    row = rows[LATE, SCORE, "net_benefit", "0.2"]
    assert float(row["low"]) < float(row["estimate"]) < float(row["high"])
    assert "day" not in row["method"]
