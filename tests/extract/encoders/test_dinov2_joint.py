"""Three sequences as channels, small random weights: what is missing is masked, named and without a say."""

from __future__ import annotations

import numpy as np
import pytest

from extract.encoders.dinov2 import PERCENTILES
from extract.encoders.dinov2_joint import Dinov2Jointly
from extract.encoders.networks import NORMALISATIONS
from extract.encoders.registry import find_encoder, load_encoder
from extract.encoders.weights import WeightsSource
from extract.volumes.volume import SeriesOnGrid
from tests.extract.encoders.small_models import save_dinov2, torch

AFFINE = np.array([[-0.5, 0, 0, 20.0], [0, -0.7, 0, 30], [0, 0, 3, -9], [0, 0, 0, 1]])
SHAPE = (70, 60, 5)
FOUND = find_encoder("dinov2_s_joint", "volumes")
CARD = FOUND.model_copy(
    update={"dim": 16, "input_px": 84, "architecture": {**FOUND.architecture, "hidden_size": 16}}
)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> WeightsSource:
    root = tmp_path_factory.mktemp("weights")
    (root / "facebook--dinov2-small").mkdir()
    save_dinov2(root / "facebook--dinov2-small")
    return WeightsSource(root=root)


@pytest.fixture
def encoder(weights: WeightsSource) -> Dinov2Jointly:
    loaded = load_encoder(CARD, weights.find(CARD))
    assert isinstance(loaded, Dinov2Jointly)
    return loaded


def _series(sequence: str, seed: int) -> SeriesOnGrid:
    voxels = np.random.default_rng(seed).gamma(2, 100, size=SHAPE).astype(np.float32)
    return SeriesOnGrid(sequence=sequence, voxels=voxels, affine=AFFINE, spacing_known=True)


T2W, ADC, HBV = (_series(name, seed) for seed, name in enumerate(("t2w", "adc", "hbv")))


def test_channels_are_the_sequences_in_the_order_of_the_card(
    encoder: Dinov2Jointly, weights: WeightsSource
) -> None:
    from extract.encoders.from_transformers import import_transformers

    joint = encoder.encode_jointly([ADC, HBV, T2W], {})
    assert joint is not None and joint.shown == {"channels": ["t2w", "adc", "hbv"], "masked": []}
    image = []
    for number, one in enumerate((T2W, ADC, HBV)):
        low, high = np.percentile(one.voxels, PERCENTILES)
        scaled = np.clip((one.voxels[:, :, 2].T - low) / (high - low), 0, 1).astype("f4")
        mean, deviation = (values[number] for values in NORMALISATIONS["imagenet"])
        stretched = torch.nn.functional.interpolate(
            torch.from_numpy(scaled)[None, None], size=(84, 70), mode="bilinear", antialias=True
        )
        image.append((stretched[0, 0] - mean) / deviation)
    network = import_transformers().Dinov2Model.from_pretrained(weights.find(CARD).folder).eval()
    with torch.inference_mode():
        expected = network(torch.stack(image)[None]).last_hidden_state[0, 1:]
    np.testing.assert_allclose(joint.embeddings.reshape(5, 30, 16)[2], expected.numpy(), atol=2e-5)


def test_a_missing_sequence_is_masked_named_and_has_no_influence(weights: WeightsSource) -> None:
    """Whatever the network would make of the channel: its kernels there are changed, and nothing changes."""
    encoder = Dinov2Jointly(_network(weights), CARD)
    without = encoder.encode_jointly([T2W, ADC], {})
    whole = encoder.encode_jointly([T2W, ADC, HBV], {})
    assert without is not None and whole is not None
    assert without.shown == {"channels": ["t2w", "adc", "hbv"], "masked": ["hbv"]}
    network = _network(weights)
    kernel = network.embeddings.patch_embeddings.projection.weight
    with torch.no_grad():
        kernel[:, 2] = torch.randn(kernel[:, 2].shape, generator=torch.Generator().manual_seed(9))
    changed = Dinov2Jointly(network, CARD)
    again, other = changed.encode_jointly([T2W, ADC], {}), changed.encode_jointly([T2W, ADC, HBV], {})
    assert again is not None and other is not None
    np.testing.assert_array_equal(again.embeddings, without.embeddings)
    assert np.abs(other.embeddings - whole.embeddings).max() > 1e-3


def _network(weights: WeightsSource) -> torch.nn.Module:
    from extract.encoders.from_transformers import load_network

    network: torch.nn.Module = load_network(CARD, weights.find(CARD), unused=("embeddings.mask_token",))
    return network


def test_a_sequence_of_another_name_has_no_influence(encoder: Dinov2Jointly) -> None:
    joint, beside = (encoder.encode_jointly([T2W, *more], {}) for more in ((), (_series("dce", 5),)))
    assert joint is not None and beside is not None
    np.testing.assert_array_equal(joint.embeddings, beside.embeddings)
    assert encoder.encode_jointly([_series("dce", 5)], {}) is None


def test_each_series_alone_is_what_the_plain_card_makes_of_it(
    encoder: Dinov2Jointly, weights: WeightsSource
) -> None:
    smaller = {"dim": 16, "input_px": 84, "architecture": CARD.architecture}
    plain = find_encoder("dinov2_s", "volumes").model_copy(update=smaller)
    single = load_encoder(plain, weights.find(plain)).encode(ADC, {})
    np.testing.assert_array_equal(encoder.encode(ADC, {}).embeddings, single.embeddings)
    assert CARD.identity()["jointly"] == ["t2w", "adc", "hbv"] and "jointly" not in plain.identity()
