"""Bag models, one by one: order of tiles, a case alone, credit of tiles, sampling, precision, heads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from feature_cache.errors import OutcomeError
from fuse.cases import Bags, Cases
from fuse.features.tile_order import canonical_order
from fuse.models.aggregators.packing import Packing
from fuse.models.learner import Setting
from fuse.models.registry import build_learner
from fuse.outcomes.outcomes import Classes
from tests.fuse.fusion.masked import mask

WITH_CREDIT = ("mean_mil", "max_mil", "top_k_mil", "attention_mil", "additive_mil", "clam")
MODELS = (*WITH_CREDIT, "transmil")
FEW_EPOCHS = Setting((("epochs", 6.0),))


@pytest.fixture(scope="module")
def fitted(cohort):
    """Every model, fitted once."""
    return {
        model: build_learner(model, ("slides",)).fit(cohort.cases, cohort.outcome, FEW_EPOCHS, 1)
        for model in MODELS
    }


def with_bags(cases: Cases, **changed: np.ndarray) -> Cases:
    slides = cases.modalities["slides"]
    return replace(
        cases,
        modalities={**cases.modalities, "slides": replace(slides, bags=replace(slides.bags, **changed))},
    )


def permuted(cases: Cases, seed: int) -> tuple[Cases, np.ndarray]:
    """Permute the tiles in each bag."""
    bags, rng = cases.modalities["slides"].bags, np.random.default_rng(seed)
    rows = np.concatenate([rng.permutation(np.arange(a, b)) for a, b in zip(bags.start, bags.stop)])  # noqa: B905
    return with_bags(cases, tiles=bags.tiles[rows]), rows


@pytest.mark.parametrize("model", MODELS)
class TestEveryBagModel:
    def test_permuting_tiles_changes_no_bit(self, cohort, fitted, model):
        cases, rows = permuted(cohort.cases, 3)
        scorer = fitted[model]
        assert scorer.risk(cases).tobytes() == scorer.risk(cohort.cases).tobytes()
        bags = cohort.cases.modalities["slides"].bags
        case = int(np.argmax(bags.stop - bags.start))
        moved = rows[bags.start[case] : bags.stop[case]] - bags.start[case]
        attention = scorer.attention(cohort.cases, case)
        assert scorer.attention(cases, case).tobytes() == attention[moved].tobytes()
        # training sees them in the same order, too
        again = build_learner(model, ("slides",)).fit(cases, cohort.outcome, FEW_EPOCHS, 1)
        assert again.risk(cases).tobytes() == scorer.risk(cohort.cases).tobytes()

    def test_a_case_alone_is_bitwise_the_case_in_the_group(self, cohort, fitted, model):
        together = fitted[model].risk(cohort.cases)
        for row in range(0, len(cohort.cases), 9):
            alone = fitted[model].risk(cohort.cases.take(np.array([row])))
            assert alone.tobytes() == together[[row]].tobytes()

    def test_attention_sums_to_one_and_contributions_to_the_risk(self, cohort, fitted, model):
        risk, bags = fitted[model].risk(cohort.cases), cohort.cases.modalities["slides"].bags
        for row in np.flatnonzero(bags.stop > bags.start)[:9]:
            attention = fitted[model].attention(cohort.cases, int(row))
            assert attention.shape == (bags.stop[row] - bags.start[row],)
            assert attention.sum() == pytest.approx(1.0, abs=1e-6) and (attention >= 0).all()
            if model in WITH_CREDIT:
                parts = fitted[model].contributions(cohort.cases, int(row))
                assert parts.sum() == pytest.approx(risk[row], abs=1e-7)
            else:
                with pytest.raises(OutcomeError, match="got one that mixes them"):
                    fitted[model].contributions(cohort.cases, int(row))

    def test_a_case_without_tiles_has_no_attention_and_no_risk(self, cohort, fitted, model):
        row = int(np.flatnonzero(~cohort.cases.modalities["slides"].present)[0])
        assert fitted[model].attention(cohort.cases, row).shape == (0,)
        assert fitted[model].risk(cohort.cases.take(np.array([row]))).tolist() == [0.0]

    def test_a_masked_modality_has_no_influence_whatever_lies_in_its_bag(self, cohort, fitted, model):
        scorer, risk = fitted[model], fitted[model].risk(cohort.cases)
        rows = np.flatnonzero(cohort.cases.modalities["slides"].present)[:5]
        masked = mask(cohort.cases, "slides", rows, 1e6)
        assert (risk[rows] != 0.0).any()
        expected = risk.copy()
        expected[rows] = 0.0
        assert scorer.risk(masked).tobytes() == expected.tobytes()
        assert scorer.attention(masked, int(rows[0])).shape == (0,)
        one, other = (
            build_learner(model, ("slides",)).fit(cases, cohort.outcome, Setting((("epochs", 1.0),)), 1)
            for cases in (masked, mask(cohort.cases, "slides", rows, -3.0))
        )
        assert one.risk(cohort.cases).tobytes() == other.risk(cohort.cases).tobytes()

    def test_packed_bags_are_the_bags_one_by_one(self, cohort, fitted, model):
        network, rng = fitted[model].network, np.random.default_rng(0)
        sizes = (1, 5, 130, 2)
        tiles = torch.from_numpy(rng.normal(size=(sum(sizes), 5)).astype(np.float32))
        with torch.no_grad():
            packed = network(tiles, Packing(sizes=sizes))
            for said, bag in zip(packed, tiles.split(sizes), strict=True):
                alone = network(bag, Packing(sizes=(len(bag),)))[0]
                assert said.numpy() == pytest.approx(alone.numpy(), abs=1e-5)
                parts = network.aggregator.parts(network.embed(bag))
                if parts.credit is not None:
                    assert parts.credit.sum(dim=0).numpy() == pytest.approx(alone.numpy(), abs=1e-5)

    def test_tiles_that_follow_the_hazard_raise_the_risk(self, cohort, model):
        scorer = build_learner(model, ("slides",)).fit(
            cohort.cases, cohort.outcome, Setting((("epochs", 40.0),)), 1
        )
        tiles = cohort.cases.modalities["slides"].bags.tiles.copy()
        tiles[:, 0] += 1.5
        present = cohort.cases.modalities["slides"].present
        change = scorer.risk(with_bags(cohort.cases, tiles=tiles)) - scorer.risk(cohort.cases)
        assert (change[present] > 0).mean() > 0.8


@pytest.mark.parametrize("model", ["mean_mil", "clam"])
def test_several_classes_have_a_probability_each(cohort, model):
    label = np.digitize(cohort.outcome.time_days, [300.0, 700.0])
    outcome = Classes(label=label, names=("a", "b", "c"))
    scorer = build_learner(model, ("slides",)).fit(cohort.cases, outcome, FEW_EPOCHS, 0)
    risk = scorer.risk(cohort.cases)
    present = cohort.cases.modalities["slides"].present
    assert risk.shape == (len(cohort.cases), 3) and (risk[~present] == 0).all()
    assert np.ptp(risk[present], axis=0).min() > 0
    with pytest.raises(OutcomeError, match="a head whose risk is a sum"):
        scorer.contributions(cohort.cases, int(np.flatnonzero(present)[0]))


def test_a_head_of_choice(cohort):
    learner = build_learner("attention_mil", ("slides",), {"head": "hazard"})
    scorer = learner.fit(cohort.cases, cohort.outcome, FEW_EPOCHS, 0)
    assert type(scorer.head).__name__ == "HazardHead"
    assert scorer.risk(cohort.cases).std() > 0


def large_bags(cohort) -> tuple[Cases, object]:
    rng, n, size = np.random.default_rng(0), 12, 300
    cases = with_bags(
        cohort.cases.take(np.arange(n)),
        tiles=rng.normal(size=(n * size, 2)).astype(np.float16),
        start=np.arange(n) * size,
        stop=np.arange(1, n + 1) * size,
    )
    return cases, replace(cohort.outcome.take(np.arange(n)), event=np.ones(n, dtype=bool))


def test_large_bags_are_sampled_and_the_random_state_is_left_alone(cohort):
    cases, outcome = large_bags(cohort)
    torch.manual_seed(7)
    expected = torch.rand(1).item()
    torch.manual_seed(7)

    risks = {
        tiles: build_learner("attention_mil", ("slides",), {"tiles_per_case": tiles})
        .fit(cases, outcome, FEW_EPOCHS, 5)
        .risk(cases)
        for tiles in (256, 256.0, 0, 300)
    }
    assert torch.rand(1).item() == expected
    # 256 and 256.0 are one key; sampling is not seeing all, and seeing all is said in two ways
    assert not np.array_equal(risks[256], risks[0])
    assert risks[0].tobytes() == risks[300].tobytes()


def test_half_precision_is_near_and_scoring_is_not_in_it(cohort):
    risks = {}
    for precision in ("float32", "bfloat16"):
        learner = build_learner("attention_mil", ("slides",), {"precision": precision})
        scorer = learner.fit(cohort.cases, cohort.outcome, FEW_EPOCHS, 0)
        assert {parameter.dtype for parameter in scorer.network.parameters()} == {torch.float32}
        risks[precision] = scorer.risk(cohort.cases)
    assert np.corrcoef(risks["float32"], risks["bfloat16"])[0, 1] > 0.99
    assert not np.array_equal(risks["float32"], risks["bfloat16"])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"precision": "float16"}, "precision: float32 or bfloat16; got float16"),
        ({"tiles_per_case": -1}, "tiles_per_case: 0 .*; got -1"),
        ({"tiles_per_case": "all"}, "tiles_per_case: 0 .*; got all"),
    ],
)
def test_a_wrong_option_is_refused(options, expected):
    with pytest.raises(OutcomeError, match=f"model top_k_mil: expected {expected}"):
        build_learner("top_k_mil", ("slides",), options)


def test_equal_bytes_decide_the_order():
    tiles = np.array([[1.0, 2.0], [-0.0, 1.0], [0.0, 1.0], [1.0, 2.0]], dtype=np.float16)
    order = canonical_order(tiles)
    for seed in range(5):
        shuffled = np.random.default_rng(seed).permutation(4)
        again = tiles[shuffled][canonical_order(tiles[shuffled])]
        assert again.tobytes() == tiles[order].tobytes()
    assert Bags(tiles=tiles, start=np.array([2]), stop=np.array([2])).canonical(0).tolist() == []
