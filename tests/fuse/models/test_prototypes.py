"""Prototypes: kinds are the train part's, a bag is described as by hand, and a rare kind is found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from feature_cache.errors import OutcomeError
from fuse.cases import Bags, Cases, Modality
from fuse.metrics.concordance import concordant_pairs
from fuse.models.learner import Setting
from fuse.models.registry import build_learner
from fuse.models.tile_mixture import fit_tile_mixture
from fuse.outcomes.outcomes import Classes, Survival
from tests.fuse.fusion.masked import mask

WEAKEST = Setting((("alpha", 16.0),))


def cases_of(bags: Bags) -> Cases:
    n = len(bags.start)
    slides = Modality(
        name="slides",
        feature_set="made",
        present=bags.stop > bags.start,
        columns=("mean",),
        values=np.zeros((n, 1)),
        bags=bags,
    )
    return Cases(case_ids=tuple(map(str, range(n))), modalities={"slides": slides})


def rare_kind(n: int, seed: int) -> tuple[Cases, Survival]:
    """Of 60 tiles 2 stand out along column 0, and in those alone column 1 follows the hazard."""
    rng, size = np.random.default_rng(seed), 60
    latent = rng.normal(size=n)
    tiles = rng.normal(size=(n, size, 6))
    tiles[:, :2, 0] += 6.0
    tiles[:, :2, 1] += 2.0 * latent[:, None]
    bags = Bags(
        tiles=tiles.reshape(-1, 6).astype(np.float16),
        start=np.arange(n) * size,
        stop=np.arange(1, n + 1) * size,
    )
    time = rng.exponential(size=n) * 900 * np.exp(-1.2 * latent)
    return cases_of(bags), Survival(event=time < 900, time_days=np.minimum(time, 900) + 1)


@pytest.mark.parametrize(
    ("model", "finds"), [("prototypes", True), ("max_mil", True), ("top_k_mil", True), ("mean_mil", False)]
)
def test_a_rare_kind_of_tiles_is_found_which_a_mean_dilutes(model, finds):
    train, outcome = rare_kind(150, 10)
    fresh, truth = rare_kind(300, 11)
    learner = build_learner(model, ("slides",))
    scorer = learner.fit(train, outcome, learner.candidates()[-1], 0)
    good, pairs = concordant_pairs(scorer.risk(fresh), truth)
    assert (good / pairs > 0.66) is finds


def test_a_bag_is_described_by_shares_and_shrunken_differences():
    rng = np.random.default_rng(0)
    tiles = np.concatenate([rng.normal(size=(300, 2)), rng.normal(size=(100, 2)) + 40.0]).astype(np.float32)
    bags = Bags(tiles=tiles, start=np.array([0]), stop=np.array([400])).ordered()
    mixture = fit_tile_mixture(bags, 2, 0)
    few = np.concatenate([tiles[:3], tiles[-1:]])
    projected, own = (
        (x - mixture.scale.mean) * mixture.scale.factor @ mixture.components for x in (tiles, few)
    )
    # kinds come in any order: the nearer of both is the first
    order = 1 if np.ptp(mixture.gaussians.mean[:, 0] - projected[[0, -1], 0]) < 1 else -1
    for mean, kind in zip(mixture.gaussians.mean[::order], (projected[:300], projected[300:]), strict=True):
        np.testing.assert_allclose(mean, kind.mean(axis=0), atol=1e-9)

    described, halves = mixture.describe(few), [own[:3], own[3:]][::order]
    for number, (half, mean) in enumerate(zip(halves, mixture.gaussians.mean, strict=True)):
        assert described[number] == pytest.approx(np.sqrt(len(half) / 4), abs=1e-9)
        expected = (half - mean).sum(axis=0) / (len(half) + 1)
        assert described[2 + 2 * number : 4 + 2 * number] == pytest.approx(expected, abs=1e-9)
    assert mixture.describe(few[::-1]).tobytes() == described.tobytes()


def test_the_kinds_are_those_of_the_train_part(cohort):
    learner = build_learner("prototypes", ("slides",), {"kinds": 4})
    rows = np.arange(0, len(cohort.cases), 2)
    train, outcome = cohort.cases.take(rows), cohort.outcome.take(rows)
    scorer = learner.fit(train, outcome, WEAKEST, 0)
    bags = train.modalities["slides"].bags
    poisoned = np.full_like(bags.tiles, 77.0)
    for start, stop in zip(bags.start, bags.stop, strict=True):
        poisoned[start:stop] = bags.tiles[start:stop]
    slides = replace(train.modalities["slides"], bags=replace(bags, tiles=poisoned))
    alone = replace(train, modalities={**train.modalities, "slides": slides})
    again = learner.fit(alone, outcome, WEAKEST, 0)
    assert again.risk(cohort.cases).tobytes() == scorer.risk(cohort.cases).tobytes()


def test_a_masked_modality_has_no_influence_whatever_lies_in_its_bag(cohort):
    rows = np.flatnonzero(cohort.cases.modalities["slides"].present)[:5]
    learner = build_learner("prototypes", ("slides",), {"kinds": 3})
    scorer = learner.fit(cohort.cases, cohort.outcome, WEAKEST, 0)
    expected = scorer.risk(cohort.cases)
    assert (expected[rows] != 0.0).any()
    expected[rows] = 0.0
    masked = mask(cohort.cases, "slides", rows, 1e6)
    assert scorer.risk(masked).tobytes() == expected.tobytes()
    one, other = (
        learner.fit(cases, cohort.outcome, WEAKEST, 0)
        for cases in (masked, mask(cohort.cases, "slides", rows, -3.0))
    )
    assert one.risk(cohort.cases).tobytes() == other.risk(cohort.cases).tobytes()


def test_classes_are_learned_too(cohort):
    outcome = Classes(label=(cohort.outcome.time_days < 500).astype(int), names=("no", "yes"))
    risk = build_learner("prototypes", ("slides",)).fit(cohort.cases, outcome, WEAKEST, 0).risk(cohort.cases)
    present = cohort.cases.modalities["slides"].present
    assert risk[present].std() > 0 and (risk[~present] == 0).all()


def test_a_number_of_kinds_that_is_none_is_refused():
    with pytest.raises(OutcomeError, match="model prototypes: expected kinds: a number of prototypes; got 0"):
        build_learner("prototypes", ("slides",), {"kinds": 0})
