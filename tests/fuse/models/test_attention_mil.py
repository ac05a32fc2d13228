"""Attention-MIL: order of tiles, contributions, attention, and what is planted in few tiles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from fuse.cases import Cases
from fuse.models.attention_mil import TILES_PER_CASE, AttentionMil, fit_tile_scale, train_networks
from fuse.models.learner import Setting


@pytest.fixture(scope="module")
def scorer(cohort):
    learner = AttentionMil(("slides",))
    return learner.fit(cohort.cases, cohort.outcome, Setting((("epochs", 40.0),)), 1)


def with_tiles(cases: Cases, tiles: np.ndarray) -> Cases:
    slides = cases.modalities["slides"]
    bags = replace(slides.bags, tiles=tiles)
    return replace(cases, modalities={**cases.modalities, "slides": replace(slides, bags=bags)})


def test_permuting_tiles_changes_no_risk(cohort, scorer):
    bags = cohort.cases.modalities["slides"].bags
    expected = scorer.risk(cohort.cases)
    for seed in range(5):
        tiles = bags.tiles.copy()
        rng = np.random.default_rng(seed)
        for start, stop in zip(bags.start, bags.stop, strict=True):
            tiles[start:stop] = rng.permutation(tiles[start:stop])
        assert scorer.risk(with_tiles(cohort.cases, tiles)) == pytest.approx(expected, abs=1e-5)


def test_attention_sums_to_one_and_contributions_to_the_risk(cohort, scorer):
    risk = scorer.risk(cohort.cases)
    bags = cohort.cases.modalities["slides"].bags
    for row in np.flatnonzero(bags.stop > bags.start)[:20]:
        attention = scorer.attention(cohort.cases, int(row))
        assert attention.shape == (bags.stop[row] - bags.start[row],)
        assert attention.sum() == pytest.approx(1.0, abs=1e-6) and (attention > 0).all()
        assert scorer.contributions(cohort.cases, int(row)).sum() == pytest.approx(risk[row], abs=1e-9)


def test_a_case_without_tiles_has_no_attention(cohort, scorer):
    row = int(np.flatnonzero(~cohort.cases.modalities["slides"].present)[0])
    assert scorer.attention(cohort.cases, row).shape == (0,)


def test_tiles_that_follow_the_hazard_raise_the_risk(cohort, scorer):
    bags = cohort.cases.modalities["slides"].bags
    tiles = bags.tiles.copy()
    tiles[:, 0] += 1.5
    present = cohort.cases.modalities["slides"].present
    change = scorer.risk(with_tiles(cohort.cases, tiles)) - scorer.risk(cohort.cases)
    assert (change[present] > 0).mean() > 0.9


def test_packed_bags_are_the_bags_one_by_one(cohort):
    bags = cohort.cases.modalities["slides"].bags.take(
        np.flatnonzero(cohort.cases.modalities["slides"].present)
    )
    outcome = cohort.outcome.take(np.flatnonzero(cohort.cases.modalities["slides"].present))
    scale = fit_tile_scale(bags)
    network = train_networks(bags, outcome, scale, (3,), 0)[3]
    tiles = scale.apply(bags.tiles)
    owner = torch.from_numpy(np.repeat(np.arange(len(outcome)), bags.stop - bags.start))

    with torch.no_grad():
        packed = network(tiles, owner, len(outcome)).numpy()
        for row, (start, stop) in enumerate(zip(bags.start, bags.stop, strict=True)):
            attention, said = network.parts_of_one(tiles[start:stop])
            assert float((attention * said).sum()) == pytest.approx(packed[row], abs=1e-5)


def test_large_bags_are_sampled_and_the_random_state_is_left_alone(cohort):
    rng = np.random.default_rng(0)
    n, size = 12, TILES_PER_CASE + 40
    bags = replace(
        cohort.cases.modalities["slides"].bags,
        tiles=rng.normal(size=(n * size, 2)).astype(np.float32),
        start=np.arange(n) * size,
        stop=np.arange(1, n + 1) * size,
    )
    outcome = replace(cohort.outcome.take(np.arange(n)), event=np.ones(n, dtype=bool))
    torch.manual_seed(7)
    expected = torch.rand(1).item()
    torch.manual_seed(7)

    first, again = (train_networks(bags, outcome, fit_tile_scale(bags), (2,), 5)[2] for _ in range(2))

    assert torch.rand(1).item() == expected
    for one, other in zip(first.parameters(), again.parameters(), strict=True):
        assert one.detach().numpy().tobytes() == other.detach().numpy().tobytes()
