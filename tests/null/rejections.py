"""What one cohort without anything to find is said to hold: C, intervals, and the tests that refit.

Enters: a seed. Leaves: for each named test whether it rejects at .05, and C within folds and pooled. Three
cohorts a seed: nothing at all; prognostic clinical values beside noise; and imaging that follows the clinical
values. In the last two the null of the conditional permutation is true, and that of no other test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from fuse.metrics.comparison import Contrast, compare_arms
from fuse.metrics.evaluation import rate_concordance
from fuse.metrics.intervals import draw_resamples
from fuse.metrics.scored import join
from fuse.replicates.permutation_tests import ROUNDING
from tests.null.cohorts import Kind, draw
from tests.null.pipeline import FEW, Pipeline, build

#: 19 permutations: a cohort above all of them has p = 1 / 20.
PERMUTATIONS = 19

FUSION, CLINICAL = "fusion", "clinical arm"
CONDITIONAL: tuple[Kind, ...] = ("noise beside", "follows clinical")

Found = Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One seed. `c` and `pooled`: of the fusion and of the clinical arm. `rejects`: named test -> whether."""

    c: Mapping[str, float]
    pooled: Mapping[str, float]
    rejects: Mapping[str, bool]


def judge_nulls(seed: int) -> Judged:
    """Judge the three cohorts of a seed."""
    nothing = draw("nothing", seed)
    rejects, c, pooled = _intervals(build(nothing, seed))
    rejects |= _permutation(build(nothing, seed, FEW))
    for kind in CONDITIONAL:
        rejects[f"conditional permutation, {kind}"] = _conditional(build(draw(kind, seed), seed, FEW))
    return Judged(c=c, pooled=pooled, rejects=rejects)


def _intervals(pipeline: Pipeline) -> tuple[dict[str, bool], dict[str, float], dict[str, float]]:
    """Return whether intervals leave out what is true: .5 of each arm, 0 of each difference."""
    results, truths, roles = pipeline.fit(), pipeline.truths(), pipeline.roles
    said = {
        name: pipeline.predictions(results, name)
        for name in (roles.fusion, roles.clinical, roles.selected_single)
    }
    rejects, c, pooled = {}, {}, {}
    for words, name in ((FUSION, roles.fusion), (CLINICAL, roles.clinical)):
        arm = join(said[name], truths)
        within, across = rate_concordance(arm, draw_resamples(len(arm.case_ids), 0))
        c[words], pooled[words] = within.estimate, across.estimate
        rejects[f"interval of C, {words}"] = excludes(0.5, within.low, within.high)
    for words, name in ((CLINICAL, roles.clinical), ("selected single", roles.selected_single)):
        contrast = Contrast(first=roles.fusion, second=name, named_before=True)
        row = compare_arms(said[roles.fusion], said[name], truths, contrast)
        rejects[f"interval of the difference to the {words}"] = excludes(0.0, row.low, row.high)
    return rejects, c, pooled


def _permutation(pipeline: Pipeline) -> dict[str, bool]:
    """Return whether the whole-pipeline permutation rejects: of the fusion, and of the highest arm."""
    (own,), fusion = pipeline.altered("as_it_is", 1), pipeline.roles.fusion
    return above_all(
        own,
        pipeline.altered("permutation", PERMUTATIONS),
        {
            "permutation, fusion": lambda found: found[fusion],
            "permutation, highest of all arms": lambda found: max(found.values()),
        },
    )


def _conditional(pipeline: Pipeline) -> bool:
    """Return whether the conditional permutation says that imaging adds to the clinical values."""
    (own,), roles = pipeline.altered("as_it_is", 1), pipeline.roles
    return above_all(
        own,
        pipeline.altered("conditional_permutation", PERMUTATIONS),
        {"gain": lambda found: found[roles.fusion] - found[roles.clinical]},
    )["gain"]


def above_all(
    own: Found, altered: Iterable[Found], statistics: Mapping[str, Callable[[Found], float]]
) -> dict[str, bool]:
    """Return whether each statistic of the cohort lies above that of all its permutations: p = 1 / 20.

    As soon as no statistic does any more, the rest is not computed: it would change no decision.
    """
    above = dict.fromkeys(statistics, True)
    for found in altered:
        for name, statistic in statistics.items():
            above[name] &= statistic(found) < statistic(own) - ROUNDING
        if not any(above.values()):
            break
    return above


def excludes(truth: float, low: float, high: float) -> bool:
    """Return whether an interval leaves the truth out; where there is no interval nothing is claimed."""
    return bool(np.isfinite([low, high]).all() and not low <= truth <= high)
