"""ProViCNet with small random weights: the numbers by modules, what it is shown, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from extract.encoders.provicnet import Provicnet
from extract.encoders.provicnet_network import ProvicnetForm, shapes_needed, slice_tokens
from extract.encoders.registry import find_encoder, find_weights, load_encoder
from extract.encoders.weights import WeightsSource
from extract.volumes.volume import SeriesOnGrid
from feature_cache.errors import RecipeError, SourceError
from tests.extract.encoders.vit_oracle import block, random_state, torch

CARD = find_encoder("provicnet_t2", "volumes")
FORM = ProvicnetForm(width=12, depth=2, heads=2, positions=5)
SMALL = CARD.model_copy(
    update={
        "dim": 12,
        "input_px": 56,
        "architecture": FORM.model_dump(mode="json"),
        "contract": CARD.contract.model_copy(update={"size": (32, 32, None), "least_extent_mm": 0.0})
        if CARD.contract
        else None,
    }
)
AFFINE = np.array([[-0.5, 0, 0, 20.0], [0, -0.5, 0, 12], [0, 0, 3, -9], [0, 0, 0, 1]])
SHAPE = (36, 40, 7)


def _series(voxels: np.ndarray, sequence: str = "t2w") -> SeriesOnGrid:
    return SeriesOnGrid(
        sequence=sequence, voxels=voxels.astype(np.float32), affine=AFFINE, spacing_known=True
    )


def _gland() -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[12:24, 14:26, 2:5] = True
    return mask


def _voxels() -> np.ndarray:
    return np.random.default_rng(0).gamma(2, 50, size=SHAPE)


@pytest.fixture(scope="module")
def network() -> Provicnet:
    return Provicnet(random_state(shapes_needed(FORM)), SMALL)


def test_a_token_stands_for_what_the_card_says() -> None:
    assert CARD.contract is not None and CARD.contract.size[0] and CARD.contract.spacing_mm[0]
    assert CARD.input_px is not None
    side_mm = CARD.contract.size[0] * CARD.contract.spacing_mm[0] / (CARD.input_px / 14)
    assert f"a token stands for {side_mm:g} x {side_mm:g} mm" in CARD.title


def test_tokens_are_those_of_modules() -> None:
    state = random_state(shapes_needed(FORM))
    state |= {name: torch.ones_like(one) for name, one in state.items() if name.endswith("gamma")}
    images = torch.rand(2, 3, 70, 70, generator=torch.Generator().manual_seed(1))
    patches = torch.nn.functional.unfold(images, 14, stride=14).transpose(1, 2)
    kernel = state["backbone.patch_embed.proj.weight"].flatten(1)
    tokens = patches @ kernel.T + state["backbone.patch_embed.proj.bias"]
    tokens = torch.cat([state["backbone.cls_token"].expand(2, -1, -1), tokens], dim=1)
    tokens = tokens + state["backbone.pos_embed"]
    told = [
        state[f"{name}.weight"][:, 0] * torch.tensor(numbers)[:, None] + state[f"{name}.bias"]
        for name, numbers in (("axis_pos", [3.0, 4.0]), ("axis_max", [9.0, 9.0]))
    ]
    registers = state["backbone.register_tokens"].expand(2, -1, -1)
    tokens = torch.cat([tokens[:, :1], registers, *(one[:, None] for one in told), tokens[:, 1:]], dim=1)
    with torch.inference_mode():
        for number in range(2):
            tokens = block(state, f"backbone.blocks.{number}", 2, 1e-6)(tokens)
        weight, bias = state["backbone.norm.weight"], state["backbone.norm.bias"]
        expected = torch.nn.functional.layer_norm(tokens, (12,), weight, bias, 1e-6)[:, 7:]
        got = slice_tokens(state, FORM, images, torch.tensor([3, 4]), 9)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)


def test_scales_and_stretched_positions_shape_the_tokens() -> None:
    state = random_state(shapes_needed(FORM))
    images = torch.rand(1, 3, 56, 56, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        plain = slice_tokens(state, FORM, images, torch.tensor([0]), 7)
        assert plain.shape == (1, 16, 12)
        for name in ("backbone.blocks.0.ls1.gamma", "backbone.pos_embed", "axis_max.weight"):
            other = slice_tokens(state | {name: state[name] * 2}, FORM, images, torch.tensor([0]), 7)
            assert float((other - plain).abs().max()) > 1e-3, name


def test_a_series_is_encoded_around_the_gland_and_the_same_twice(network: Provicnet) -> None:
    regions = {"prostate": _gland()}
    first, second = (network.encode(_series(_voxels()), regions) for _ in range(2))
    assert first.embeddings.shape == (7 * 4 * 4, 12) and np.isfinite(first.regions).all()
    assert first.shown is not None and first.shown["resampled_from_mm"] is None
    for name in ("embeddings", "token_xyz_mm", "regions", "coverage"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    scaled = network.encode(_series(3 * _voxels() + 100), regions)  # standardised by the gland
    np.testing.assert_allclose(scaled.embeddings, first.embeddings, rtol=1e-3, atol=1e-3)


def test_a_slice_is_seen_by_itself_and_its_neighbours_alone(network: Provicnet) -> None:
    regions, lit = {"prostate": _gland()}, _voxels()
    lit[:, :, 5] *= 2  # outside the gland, which standardises
    pair = (network.encode(_series(one), regions).embeddings for one in (_voxels(), lit))
    plain, changed = (tokens.reshape(7, 16, 12) for tokens in pair)
    moved = np.abs(plain - changed).max(axis=(1, 2)) > 1e-6
    assert moved.tolist() == [False, False, False, False, True, True, True]


@pytest.mark.parametrize(
    ("sequence", "region", "slices", "words"),
    [
        ("adc", "prostate", 7, "expected a series of t2w or t2"),
        ("t2w", "lesion", 7, "a mask of the gland that is not empty"),
        ("t2w", "prostate", 5, r"at least 6 slices of 3 mm; got 5"),
    ],
)
def test_what_it_was_not_made_for_is_refused(
    network: Provicnet, sequence: str, region: str, slices: int, words: str
) -> None:
    with pytest.raises(SourceError, match=words):
        network.encode(_series(_voxels()[:, :, :slices], sequence), {region: _gland()[:, :, :slices]})


def test_weights_of_another_network_are_refused_and_the_head_is_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "provicnet_t2"
    folder.mkdir()
    state = random_state(shapes_needed(FORM)) | {"head.segmentation_conv.1.weight": torch.zeros(2)}
    torch.save(state, folder / "T2_best.pth")
    source = WeightsSource(root=tmp_path)
    assert isinstance(load_encoder(SMALL, find_weights(SMALL, source, None)), Provicnet)
    with pytest.raises(RecipeError, match=r"expected the 179 tensors .*missing"):
        load_encoder(CARD, find_weights(CARD, source, None))
    low_rank = {name.replace("attn.qkv", "attn.qkv.qkv"): one for name, one in state.items()}
    torch.save(low_rank, folder / "T2_best.pth")
    with pytest.raises(RecipeError, match=r"4 missing .* 4 unknown \(backbone\.blocks\.0\.attn\.qkv\.qkv"):
        load_encoder(SMALL, find_weights(SMALL, source, None))
