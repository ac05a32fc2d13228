from __future__ import annotations

import math

import numpy as np
import pytest

from fuse.metrics.class_cut import train_cut
from fuse.metrics.classes import evaluate_class_arm
from fuse.metrics.ordered import pairs_of_classes
from fuse.outcomes.outcomes import Classes, Survival
from fuse.run.class_prediction import ClassPrediction, ClassTruth

YES_NO = ("no", "yes")


def classes(labels: list[int] | np.ndarray, names: tuple[str, ...] = YES_NO) -> Classes:
    return Classes(label=np.array(labels), names=names)


def test_the_cut_is_youden_s_as_scikit_learn_finds_it() -> None:
    from sklearn.metrics import roc_curve

    rng = np.random.default_rng(0)
    for _ in range(20):
        label = rng.integers(0, 2, size=60)
        risk = np.round(rng.normal(size=60) + label, 1)
        cut = train_cut(risk, classes(label))
        called = risk > cut
        ours = called[label == 1].mean() - called[label == 0].mean()
        false, true, _ = roc_curve(label, risk)
        assert ours == pytest.approx((true - false).max(), abs=1e-12)
        assert cut not in risk


def test_the_cut_by_hand_and_where_there_is_none() -> None:
    assert train_cut(np.array([1.0, 2.0, 3.0, 4.0]), classes([0, 0, 1, 1])) == 2.5
    assert (
        train_cut(np.array([1.0, 2.0, 3.0, 4.0]), classes([0, 1, 0, 1])) == 3.5
    )  # 1.5 is as good: the higher
    assert math.isnan(train_cut(np.zeros(4), classes([0, 1, 0, 1])))
    assert math.isnan(train_cut(np.zeros((2, 3)), classes([0, 2], ("a", "b", "c"))))
    times = Survival(event=np.array([True, False]), time_days=np.array([1.0, 2.0]))
    assert math.isnan(train_cut(np.array([1.0, 2.0]), times))


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


TRUTHS = [
    ClassTruth(repeat=1, fold=1, test=classes([1, 0, 0, 1]), train=classes([0, 0, 1, 0])),
    ClassTruth(repeat=1, fold=2, test=classes([0, 0, 1, 0]), train=classes([1, 0, 0, 1])),
]
SAID = [said(1, [0.8, 0.6, 0.2, 0.4]), said(2, [0.1, 0.3, 0.7, 0.3])]


def test_each_fold_is_judged_at_the_cut_of_its_own_train_part() -> None:
    cuts = {(1, 1): math.log(0.3 / 0.7), (1, 2): math.log(0.75 / 0.25)}
    rows = {row.metric: row for row in evaluate_class_arm(SAID, TRUTHS, 0, cuts)}
    # above .3 of fold 1: .8 and .4 of a yes, .6 of a no; above .75 of fold 2: nobody
    assert rows["sensitivity_at_cut"].estimate == pytest.approx(2 / 3)
    assert rows["specificity_at_cut"].estimate == pytest.approx(4 / 5)
    assert "cut fixed on each train part" in rows["sensitivity_at_cut"].method
    assert rows["sensitivity"].estimate == 2 / 3 and rows["specificity"].estimate == 4 / 5
    other = {row.metric: row for row in evaluate_class_arm(SAID, TRUTHS, 0, dict.fromkeys(cuts, -9.0))}
    assert (other["sensitivity_at_cut"].estimate, other["specificity_at_cut"].estimate) == (1.0, 0.0)


def test_an_arm_without_a_cut_says_why() -> None:
    cuts = {(1, 1): math.nan, (1, 2): 0.0}
    rows = {row.metric: row for row in evaluate_class_arm(SAID, TRUTHS, 0, cuts)}
    assert math.isnan(rows["sensitivity_at_cut"].estimate)
    assert rows["sensitivity_at_cut"].method == "none: the same risk for everybody"
    assert "sensitivity_at_cut" not in {row.metric for row in evaluate_class_arm(SAID, TRUTHS, 0)}


def test_each_of_three_classes_against_the_rest() -> None:
    from sklearn.metrics import roc_auc_score

    names, rng = ("a", "b", "c"), np.random.default_rng(1)
    label = rng.integers(0, 3, size=80)
    score = rng.normal(size=(80, 3)) + 1.2 * np.eye(3)[label]
    probability = np.exp(score) / np.exp(score).sum(axis=1, keepdims=True)
    arm = ClassPrediction(
        repeat=1,
        fold=1,
        case_ids=tuple(f"{row:02d}" for row in range(80)),
        names=names,
        risk=score,
        probability=probability,
    )
    truth = ClassTruth(repeat=1, fold=1, test=classes(label, names), train=classes(label, names))
    rows = {row.metric: row for row in evaluate_class_arm([arm], [truth], 0)}
    named, above = np.argmax(probability, axis=1), score - score.mean(axis=1, keepdims=True)
    for place, name in enumerate(names):
        right, all_pairs = pairs_of_classes(above[:, place], label == place)
        auroc = rows[f"auroc_of_{name}"]
        assert auroc.estimate == pytest.approx(right / all_pairs)
        assert auroc.estimate == pytest.approx(roc_auc_score(label == place, above[:, place]))
        assert auroc.low < auroc.estimate < auroc.high
        assert "Bonferroni over 3" in auroc.method
        own = label == place
        assert rows[f"sensitivity_of_{name}"].estimate == pytest.approx((named[own] == place).mean())
        assert rows[f"specificity_of_{name}"].estimate == pytest.approx((named[~own] != place).mean())
    assert rows["auroc_macro"].estimate == pytest.approx(
        np.mean([rows[f"auroc_of_{n}"].estimate for n in names])
    )


def test_a_binary_arm_has_a_slope_against_scikit_learn() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(2)
    x = rng.normal(size=(2, 60))
    label = (rng.random((2, 60)) < 1 / (1 + np.exp(-x))).astype(int)
    arms = [said(fold + 1, (1 / (1 + np.exp(-2 * x[fold]))).tolist()) for fold in range(2)]
    truths = [
        ClassTruth(repeat=1, fold=fold + 1, test=classes(label[fold]), train=classes(label[1 - fold]))
        for fold in range(2)
    ]
    rows = {row.metric: row for row in evaluate_class_arm(arms, truths, 0)}
    within = 2 * (x - x.mean(axis=1, keepdims=True))  # log odds count from their mean in the test part
    plain = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000)
    fitted = plain.fit(within.reshape(-1, 1), label.ravel())
    slope = rows["calibration_slope"]
    assert slope.estimate == pytest.approx(fitted.coef_[0, 0], abs=1e-6)
    assert slope.low < slope.estimate < slope.high
    assert rows["ici"].method.startswith("none: cannot be assessed under 200 events")
