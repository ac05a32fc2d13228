"""From predictions and classes of all folds to the rows of metrics.csv and comparisons.csv.

Enters: what the arms said of every test part, and the classes opened afterwards. Leaves: AUROC (of more than
two classes the mean of each against the rest), how often the most probable class was right beside the share
of the commonest, and the Brier score, each with an interval and its method. AUROC is counted within folds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from fuse.metrics.class_cut import Cuts, rate_at_cuts, rate_each_class
from fuse.metrics.class_scored import ClassArm, ClassFold, join_classes
from fuse.metrics.comparison import ComparisonRow, Contrast, Roles, comparison_row, plan_contrasts
from fuse.metrics.evaluation import MetricRow
from fuse.metrics.fold_order import ArmOrder, order_of
from fuse.metrics.intervals import Interval, bootstrap, draw_resamples
from fuse.metrics.known_status import known_classes
from fuse.metrics.one_fold import bootstrap_order
from fuse.metrics.order_intervals import primary_interval
from fuse.metrics.pooled import CaseScores, ratio
from fuse.metrics.recalibration import calibration_slope
from fuse.metrics.smooth_calibration import integrated_calibration
from fuse.outcomes.likelihood import scores_of_classes
from fuse.outcomes.outcomes import Classes
from fuse.run.class_prediction import ClassPrediction, ClassTruth

AUROC, AUROC_MACRO = "auroc", "auroc_macro"

Said = Sequence[ClassPrediction]
Truths = Sequence[ClassTruth]


def primary_metric(outcome: Classes) -> str:
    """Return the metric that questions are answered by."""
    return AUROC if len(outcome.names) == 2 else AUROC_MACRO


def evaluate_class_arm(
    predictions: Said, truths: Truths, seed: int, cuts: Cuts | None = None
) -> list[MetricRow]:
    """Evaluate one arm over all folds.

    Parameters
    ----------
    predictions, truths
        One of each for every (repeat, fold); rows of a fold in the same order.
    seed
        Of the bootstrap.
    cuts
        (repeat, fold) -> the risk above which a case is called a yes, fixed on the train part.

    Returns
    -------
    list of MetricRow
        auroc, or auroc_macro: pairs within folds, averaged over repeats (primary).
        accuracy: how often the most probable class was right. majority_rate: how often the commonest class
        of the train part was. sensitivity, specificity: of two classes, the same within yes and within no.
        brier: mean squared distance of the probabilities from what happened (of more classes, the sum over
        classes). observed_expected: of two classes, cases that are a yes / predicted.
        Of two classes also calibration_slope, ici (from 200 events), and sensitivity_at_cut and
        specificity_at_cut where there are cuts. Of more, auroc_of_<class>, sensitivity_of_<class> and
        specificity_of_<class>: each class against the rest.

    Raises
    ------
    OutcomeError
        When predictions and truths do not belong together.
    """
    arm = join_classes(predictions, truths)
    counts = draw_resamples(len(arm.case_ids), seed)
    rows = [_row(arm, primary_metric(arm.outcome), *_auroc(arm, 1))]
    scores = {
        "accuracy": arm.score(lambda fold: fold.named == fold.truth.test.label),
        "majority_rate": arm.score(_commonest),
        "brier": arm.score(_brier),
    }
    if len(arm.outcome.names) == 2:
        scores["sensitivity"] = arm.score(lambda fold: _right_among(fold, 1))
        scores["specificity"] = arm.score(lambda fold: _right_among(fold, 0))
    for metric, score in scores.items():
        rows.append(_row(arm, metric, score.mean, bootstrap(_resample(score, counts))))
    if len(arm.outcome.names) == 2:
        rows.append(_row(arm, "observed_expected", *_observed_expected(arm, counts)))
    found = _of_two(arm, counts, cuts) if len(arm.outcome.names) == 2 else _of_each(arm, counts)
    return rows + [_row(arm, metric, *value) for metric, value in found.items()]


def evaluate_class_singles(
    arms: Mapping[str, Said], truths: Truths, singles: Mapping[str, str]
) -> dict[str, MetricRow]:
    """Return the primary metric of each single modality, its intervals made to hold together."""
    there = {label: join_classes(arms[name], truths) for label, name in singles.items() if name in arms}
    return {
        label: _row(arm, primary_metric(arm.outcome), *_auroc(arm, len(there)))
        for label, arm in there.items()
    }


def compare_class_arms(
    arms: Mapping[str, Said], truths: Truths, roles: Roles, seed: int
) -> list[ComparisonRow]:
    """Make every comparison that the roles call for: AUROC by folds, and the Brier score of the fusion."""
    joined = {name: join_classes(said, truths) for name, said in arms.items()}
    rows = []
    for contrast in plan_contrasts(arms, roles):
        first, second = joined[contrast.first], joined[contrast.second]
        rows.append(_compare_auroc(first, second, contrast))
        if contrast.first == roles.fusion and contrast.named_before:
            rows.append(_compare_brier(first, second, contrast, seed))
    return rows


def _auroc(arm: ClassArm, family: int) -> tuple[float, Interval]:
    if len(arm.folds) == 1:
        only = arm.folds[0]
        risks, outcome = [only.prediction.risk], only.truth.test
        return order_of(arm).share(), bootstrap_order(risks, outcome, family)
    return primary_interval([order_of(arm)], family)


def _of_two(
    arm: ClassArm, counts: Float[np.ndarray, "sample case"], cuts: Cuts | None
) -> dict[str, tuple[float, Interval]]:
    known = known_classes(arm)
    found = {"calibration_slope": calibration_slope(known), "ici": integrated_calibration(known, counts)}
    return found if cuts is None else found | rate_at_cuts(arm, cuts, counts)


def _of_each(arm: ClassArm, counts: Float[np.ndarray, "sample case"]) -> dict[str, tuple[float, Interval]]:
    order, found = order_of(arm), {}
    for label, name in enumerate(arm.outcome.names):
        count = int((arm.outcome.label == label).sum())
        own = order.of_ranking(label, min(count, len(arm.outcome) - count))
        found[f"auroc_of_{name}"] = own.share(), _interval_of_class(arm, own, label)
    return found | rate_each_class(arm, counts)


def _interval_of_class(arm: ClassArm, own: ArmOrder, label: int) -> Interval:
    """Return the interval of one class against the rest, all classes made to hold together."""
    family = len(arm.outcome.names)
    if len(arm.folds) > 1:
        return primary_interval([own], family)[1]
    only = arm.folds[0]
    scores = scores_of_classes(only.prediction.risk)
    above = scores[:, label] - scores.mean(axis=1)
    against = Classes(label=(only.truth.test.label == label).astype(np.int64), names=("rest", "class"))
    return bootstrap_order([above], against, family)


def _compare_auroc(first: ClassArm, second: ClassArm, contrast: Contrast) -> ComparisonRow:
    orders = [order_of(first), order_of(second)]
    difference, interval = primary_interval(orders, contrast.family)
    if len(first.folds) == 1:
        risks = [arm.folds[0].prediction.risk for arm in (first, second)]
        interval = bootstrap_order(risks, first.folds[0].truth.test, contrast.family)
    return comparison_row(contrast, primary_metric(first.outcome), difference, interval)


def _compare_brier(first: ClassArm, second: ClassArm, contrast: Contrast, seed: int) -> ComparisonRow:
    ours, theirs = first.score(_brier), second.score(_brier)
    counts = draw_resamples(len(first.case_ids), seed)
    interval = bootstrap(ours.resample(counts) - theirs.resample(counts), "paired")
    return comparison_row(contrast, "brier", ours.mean - theirs.mean, interval)


def _commonest(fold: ClassFold) -> Float[np.ndarray, " case"]:
    commonest = int(np.argmax(np.bincount(fold.truth.train.label, minlength=len(fold.truth.train.names))))
    return np.asarray(fold.truth.test.label == commonest, dtype=np.float64)


def _right_among(fold: ClassFold, label: int) -> Float[np.ndarray, " case"]:
    own = fold.truth.test.label == label
    return np.where(own, (fold.named == label).astype(np.float64), np.nan)


def _brier(fold: ClassFold) -> Float[np.ndarray, " case"]:
    happened = np.eye(len(fold.truth.test.names))[fold.truth.test.label]
    square = np.square(fold.prediction.probability - happened)
    return np.asarray(square[:, 1] if square.shape[1] == 2 else square.sum(axis=1))


def _observed_expected(arm: ClassArm, counts: Float[np.ndarray, "sample case"]) -> tuple[float, Interval]:
    expected = arm.score(lambda fold: fold.prediction.probability[:, 1])
    observed = arm.score(lambda fold: fold.truth.test.label == 1)
    if expected.mean == 0:
        return math.nan, Interval(low=math.nan, high=math.nan, method="none: no event is predicted")
    ratios = ratio(observed.resample(counts), expected.resample(counts))
    return observed.mean / expected.mean, bootstrap(ratios)


def _resample(score: CaseScores, counts: Float[np.ndarray, "sample case"]) -> Float[np.ndarray, " sample"]:
    return ratio(counts @ score.total, counts @ score.folds)


def _row(arm: ClassArm, metric: str, estimate: float, interval: Interval) -> MetricRow:
    return MetricRow(
        metric=metric,
        estimate=estimate,
        low=interval.low,
        high=interval.high,
        method=interval.method,
        n_cases=len(arm.case_ids),
        n_events=arm.outcome.n_events,
    )
