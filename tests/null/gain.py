"""A planted gain of fusion over the best single modality, estimated in the way of a benchmark and naively.

Enters: a seed. Leaves: the difference in C of fusion and the clinical values, which were named before; the
difference to whichever modality looks best afterwards; and what both are for the same fitted models on
fresh cases. All three modalities show the same thing, clinical values a little better than the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fuse.metrics.comparison import Contrast, compare_arms
from fuse.metrics.concordance import concordant_pairs
from fuse.metrics.pooled import count_fold_pairs
from fuse.metrics.scored import join
from tests.null.cohorts import draw
from tests.null.pipeline import build

FRESH = 2000


@dataclass(frozen=True, kw_only=True)
class Gain:
    """One cohort. `estimate`, `truth`: of the difference to the clinical arm and to the selected single.

    `limits` are those of its primary interval. `naive`: C of fusion minus the highest C of a single modality.
    `best`: the true difference to the modality that is best in truth.
    """

    estimate: Mapping[str, float]
    limits: Mapping[str, tuple[float, float]]
    truth: Mapping[str, float]
    naive: float
    best: float


def judge_gain(seed: int, cases: int) -> Gain:
    """Fit a cohort's folds, and score the fitted models on fresh cases of the same mechanism."""
    pipeline = build(draw("gain", seed, cases), seed)
    fresh = draw("gain", seed, FRESH, "fresh")
    said, truths, roles = pipeline.fit(fresh.cases), pipeline.truths(), pipeline.roles
    predicted = {name: pipeline.predictions(said, name) for name in said[0]}
    c = {name: count_fold_pairs(join(of_arm, truths)).concordance() for name, of_arm in predicted.items()}
    of_fresh = {
        name: float(np.mean([np.divide(*concordant_pairs(one[name].fresh, fresh.outcome)) for one in said]))
        for name in predicted
    }
    estimate, limits, truth = {}, {}, {}
    for words, name in (("clinical", roles.clinical), ("selected single", roles.selected_single)):
        contrast = Contrast(first=roles.fusion, second=name, named_before=True)
        row = compare_arms(predicted[roles.fusion], predicted[name], truths, contrast)
        estimate[words], limits[words] = row.difference, (row.low, row.high)
        truth[words] = of_fresh[roles.fusion] - of_fresh[name]
    singles = list(roles.singles.values())
    return Gain(
        estimate=estimate,
        limits=limits,
        truth=truth,
        naive=c[roles.fusion] - max(c[name] for name in singles),
        best=of_fresh[roles.fusion] - of_fresh[roles.clinical],
    )
