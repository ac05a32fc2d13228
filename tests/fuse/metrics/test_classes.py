"""The numbers of classes, by hand on eight cases in two folds, and on cohorts with and without a signal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from feature_cache.errors import OutcomeError
from fuse.metrics.classes import compare_class_arms, evaluate_class_arm, evaluate_class_singles
from fuse.metrics.comparison import Roles
from fuse.metrics.order_intervals import WITHOUT_INNER
from fuse.outcomes.outcomes import Classes
from fuse.run.class_prediction import ClassPrediction, ClassTruth

YES_NO = ("no", "yes")


def classes(labels: list[int] | np.ndarray, names: tuple[str, ...] = YES_NO) -> Classes:
    return Classes(label=np.array(labels), names=names)


TRUTHS = [
    ClassTruth(repeat=1, fold=1, test=classes([1, 0, 0, 1]), train=classes([0, 0, 1, 0])),
    ClassTruth(repeat=1, fold=2, test=classes([0, 0, 1, 0]), train=classes([1, 0, 0, 1])),
]


def said(fold: int, yes: list[float]) -> ClassPrediction:
    probability = np.array(yes)
    return ClassPrediction(
        repeat=1,
        fold=fold,
        case_ids=tuple(f"{fold}{row}" for row in range(len(yes))),
        names=YES_NO,
        risk=np.log(probability / (1 - probability)),
        probability=np.stack([1 - probability, probability], axis=1),
    )


SAID = [said(1, [0.8, 0.6, 0.2, 0.4]), said(2, [0.1, 0.3, 0.7, 0.3])]


def test_eight_cases_by_hand() -> None:
    rows = {row.metric: row for row in evaluate_class_arm(SAID, TRUTHS, seed=0)}
    assert rows["auroc"].estimate == (3 + 3) / (4 + 3)  # pairs within folds: 3 of 4, then 3 of 3
    assert rows["accuracy"].estimate == 6 / 8  # wrong: .6 of a no, .4 of a yes
    assert rows["majority_rate"].estimate == 5 / 8  # no in fold 1; in fold 2 the tie goes to the first, no
    assert rows["sensitivity"].estimate == 2 / 3
    assert rows["specificity"].estimate == 4 / 5
    squares = [0.04, 0.36, 0.04, 0.36, 0.01, 0.09, 0.09, 0.09]
    assert rows["brier"].estimate == pytest.approx(np.mean(squares))
    assert rows["observed_expected"].estimate == pytest.approx(3 / 3.4)
    assert {row.n_events for row in rows.values()} == {3}
    assert rows["auroc"].method.startswith(WITHOUT_INNER)
    assert rows["accuracy"].low < 6 / 8 < rows["accuracy"].high


def test_three_classes_by_hand() -> None:
    names = ("a", "b", "c")
    truth = ClassTruth(
        repeat=1, fold=1, test=classes([0, 1, 2, 2], names), train=classes([0, 1, 2, 2, 2], names)
    )
    probability = np.array([[0.5, 0.3, 0.2], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7], [0.4, 0.3, 0.3]])
    arm = ClassPrediction(
        repeat=1,
        fold=1,
        case_ids=tuple("wxyz"),
        names=names,
        risk=np.log(probability),
        probability=probability,
    )
    rows = {row.metric: row for row in evaluate_class_arm([arm], [truth], seed=0)}
    assert rows["auroc_macro"].estimate == pytest.approx((3 / 3 + 3 / 3 + 3 / 4) / 3)
    assert rows["accuracy"].estimate == 3 / 4
    assert rows["majority_rate"].estimate == 2 / 4
    assert rows["brier"].estimate == pytest.approx(np.mean([0.38, 0.38, 0.14, 0.74]))
    assert "sensitivity" not in rows
    assert rows["brier"].n_events is None


def simulate(strength: float, n: int = 120) -> tuple[list[ClassPrediction], list[ClassTruth]]:
    rng = np.random.default_rng(0)
    label = (rng.random(n) < 0.4).astype(int)
    risk = strength * label + rng.normal(size=n)
    arms, truths = [], []
    for repeat in (1, 2):
        order = np.random.default_rng(repeat).permutation(n)
        for fold in range(5):
            test = order[fold::5]
            train = np.setdiff1d(order, test)
            probability = 1 / (1 + np.exp(-risk[test]))
            arms.append(
                ClassPrediction(
                    repeat=repeat,
                    fold=fold + 1,
                    case_ids=tuple(f"{row:03d}" for row in test),
                    names=YES_NO,
                    risk=risk[test],
                    probability=np.stack([1 - probability, probability], axis=1),
                )
            )
            truths.append(
                ClassTruth(
                    repeat=repeat, fold=fold + 1, test=classes(label[test]), train=classes(label[train])
                )
            )
    return arms, truths


def test_a_signal_is_told_from_noise_and_from_the_null() -> None:
    strong, truths = simulate(1.5)
    noise, _ = simulate(0.0)
    null = [
        replace(item, risk=0 * item.risk, probability=np.full_like(item.probability, 0.5)) for item in strong
    ]
    arms = {"late__a+b": strong, "ridge_logistic__a": noise, "null__none": null}
    rows = {name: evaluate_class_arm(said, truths, 0)[0] for name, said in arms.items()}
    assert rows["late__a+b"].low > 0.7
    assert rows["ridge_logistic__a"].low < 0.5 < rows["ridge_logistic__a"].high
    assert (rows["null__none"].estimate, rows["null__none"].method) == (0.5, "none: same order in every fold")
    roles = Roles(fusion="late__a+b", clinical="ridge_logistic__a", singles={"a": "ridge_logistic__a"})
    compared = compare_class_arms(arms, truths, roles, 0)
    assert [(row.metric, row.named_before) for row in compared] == [
        ("auroc", True),
        ("brier", True),
        ("auroc", False),
    ]
    gain = rows["late__a+b"].estimate - rows["ridge_logistic__a"].estimate
    assert compared[0].difference == pytest.approx(gain)
    assert compared[0].low > 0
    assert compared[1].high < 0
    assert (
        evaluate_class_singles(arms, truths, roles.singles)["a"].estimate
        == rows["ridge_logistic__a"].estimate
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"probability": np.full((4, 2), 0.6)}, "probabilities that sum to 1"),
        ({"risk": np.array([np.nan, 0.0, 0.0, 0.0])}, "a finite risk"),
        ({"names": ("yes", "no")}, "a probability of no, yes"),
        ({"fold": 3}, "one prediction for each of the 2 folds"),
    ],
)
def test_predictions_that_do_not_belong(change: dict[str, object], words: str) -> None:
    with pytest.raises(OutcomeError, match=words):
        evaluate_class_arm([replace(SAID[0], **change), SAID[1]], TRUTHS, seed=0)
