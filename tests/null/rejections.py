"""What one cohort without anything to find is said to hold: C, intervals, and the tests that refit.

Enters: a seed. Leaves: for each named test whether it rejects at .05, and C within folds and pooled. Where
nothing at all is to find, every null is true. Of prognostic clinical values beside noise, and of imaging that
follows the clinical values, that of the conditional permutation is, and no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

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
    """One seed: named test -> whether it rejects; C of fusion and of the clinical arm, where looked at."""

    rejects: Mapping[str, bool]
    c: Mapping[str, float] = field(default_factory=dict)
    pooled: Mapping[str, float] = field(default_factory=dict)


def judge_refits(seed: int) -> Judged:
    """Judge the tests that fit the pipeline again, on the three cohorts of a seed."""
    rejects = _permutation(build(draw("nothing", seed), seed, FEW))
    for kind in CONDITIONAL:
        rejects[f"conditional permutation, {kind}"] = _conditional(build(draw(kind, seed), seed, FEW))
    return Judged(rejects=rejects)


def judge_intervals(seed: int) -> Judged:
    """Judge whether intervals leave out what is true: .5 of each arm, 0 of each difference."""
    pipeline = build(draw("nothing", seed), seed)
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
    return Judged(rejects=rejects, c=c, pooled=pooled)


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
