"""Tile networks, as small random ones of the real architectures: what is computed, and what is refused."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from extract.encoders.card import EncoderCard
from extract.encoders.networks import TileNetwork, choose_variant, computed_with
from extract.encoders.registry import encoder_cards, find_encoder, find_weights, load_encoder
from extract.encoders.weights import Weights, WeightsSource, read_state
from feature_cache.errors import RecipeError, SourceError
from tests.extract.encoders.conftest import SMALL, small_card

Save = Callable[[EncoderCard], Weights]

#: Tokens before those of the image: cls and registers, as the model cards say.
PREFIX = {
    "uni": 1, "uni2_h": 9, "virchow": 1, "virchow2": 5, "h_optimus_0": 5, "h_optimus_1": 5, "h0_mini": 5,
    "gigapath": 1, "gigapath_flash": 1, "mstar": 1, "lunit_s8": 1, "lunit_s16": 1, "gpfm": 1,
    "kaiko_s8": 1, "kaiko_s16": 1, "kaiko_b8": 1, "kaiko_b16": 1, "kaiko_l14": 5, "kaiko_l14_224": 5,
    "open_midnight": 5,
}  # fmt: skip
#: Tensors under the names of timm, of networks that see the whole tile and have no head.
AS_SAVED = [name for name in PREFIX if name not in ("gigapath", "gigapath_flash", "open_midnight")]
MEAN_SD = {
    "imagenet": (np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])),
    "h_optimus": (
        np.array([0.707223, 0.578729, 0.703617]),
        np.array([0.211883, 0.230117, 0.177517]),
    ),
    "half": (np.array([0.5, 0.5, 0.5]), np.array([0.5, 0.5, 0.5])),
    "lunit": (
        np.array([0.70322989, 0.53606487, 0.66096631]),
        np.array([0.21716536, 0.26081574, 0.20723464]),
    ),
}


def features_by_hand(card: EncoderCard, weights: Weights, tiles: np.ndarray) -> Any:
    """Normalise with numpy and run the family's own model, all tiles at once."""
    import torch

    from extract.encoders.tiles_timm import build

    mean, deviation = MEAN_SD[card.normalisation]
    pixels = ((tiles / 255 - mean) / deviation).transpose(0, 3, 1, 2).astype(np.float32)
    network = build(card)[0].eval()
    network.load_state_dict(read_state(weights))
    with torch.no_grad():
        if card.name == "resnet50":
            return network.forward_intermediates(
                torch.from_numpy(pixels), indices=[3], intermediates_only=True
            )[0].numpy()
        return network.forward_features(torch.from_numpy(pixels)).numpy()


@pytest.mark.parametrize("name", AS_SAVED)
def test_cls_and_the_mean_of_the_image_tokens(name: str, saved: Save, tiles: np.ndarray) -> None:
    card, tiles = small_card(name), tiles[:2]
    weights = saved(card)
    tokens = features_by_hand(card, weights, tiles)
    cls, mean = tokens[:, 0], tokens[:, PREFIX[name] :].mean(axis=1)
    both = load_encoder(choose_variant(card, "cls+mean"), weights)
    np.testing.assert_allclose(both.encode(tiles, 0.5), np.hstack([cls, mean]), atol=1e-4)
    alone = load_encoder(choose_variant(card, "cls"), weights)
    np.testing.assert_allclose(alone.encode(tiles, 0.5), cls, atol=1e-4)
    assert alone.feature_names[0] == "cls_0" and both.feature_names[-1] == f"mean_{cls.shape[1] - 1}"
    assert np.std(cls) > 0.1 and np.abs(cls[0] - cls[1]).max() > 1e-3  # the tiles were looked at


@pytest.mark.parametrize("name", ["resnet50", "mobilenet_v2"])
def test_maps_are_averaged(name: str, saved: Save, tiles: np.ndarray) -> None:
    card = small_card(name)
    weights = saved(card)
    features = features_by_hand(card, weights, tiles)
    side = {"resnet50": 14, "mobilenet_v2": 7}[name]  # ResNet50 is cut off before its last stage
    assert features.shape[2:] == (side, side)
    rows = load_encoder(card, weights).encode(tiles, 0.5)
    assert rows.shape == (len(tiles), card.dim)
    np.testing.assert_allclose(rows, features.mean(axis=(2, 3)), atol=1e-4)


@pytest.mark.parametrize("name", ["virchow2", "resnet50"])
def test_a_row_depends_on_its_tile_alone(name: str, saved: Save, tiles: np.ndarray) -> None:
    import torch

    card = small_card(name)
    encoder = load_encoder(card, saved(card))
    together = encoder.encode(tiles, 0.5)
    np.testing.assert_array_equal(encoder.encode(tiles[::-1], 0.5), together[::-1])
    np.testing.assert_array_equal(encoder.encode(tiles[2:3], 0.5), together[2:3])
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(threads + 1)
        np.testing.assert_array_equal(encoder.encode(tiles, 0.5), together)
        assert torch.get_num_threads() == threads + 1  # given back as it was
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("uni", [(1 - 0.485) / 0.229, (0 - 0.456) / 0.224, (0.2 - 0.406) / 0.225]),
        ("h_optimus_0", [(1 - 0.707223) / 0.211883, (0 - 0.578729) / 0.230117, (0.2 - 0.703617) / 0.177517]),
        ("mobilenet_v2", [255 / 127.5 - 1, 0 / 127.5 - 1, 51 / 127.5 - 1]),
    ],
)
def test_a_colour_is_normalised_as_its_card_says(name: str, expected: list[float]) -> None:
    torch = pytest.importorskip("torch")
    card = find_encoder(name).model_copy(update={"dim": 3})
    encoder = TileNetwork(card, torch.nn.Identity(), lambda pixels: pixels.mean(dim=(2, 3)))
    colour = np.broadcast_to(np.array([255, 0, 51], dtype=np.uint8), (1, 224, 224, 3))
    np.testing.assert_allclose(encoder.encode(colour, 0.5)[0], expected, atol=1e-5)


def test_what_half_precision_cannot_hold_is_refused() -> None:
    torch = pytest.importorskip("torch")
    card = find_encoder("uni").model_copy(update={"dim": 3})
    for bad in (float("nan"), float("inf"), 70000.0):
        values = torch.tensor([[1.0, 2.0, bad]])
        encoder = TileNetwork(card, torch.nn.Identity(), lambda _, values=values: values)
        with pytest.raises(SourceError, match=r"encoder uni: expected finite numbers .* in 1 of 1 rows"):
            encoder.encode(np.zeros((1, 224, 224, 3), dtype=np.uint8), 0.5)


def test_a_tile_of_another_size_is_a_mistake() -> None:
    torch = pytest.importorskip("torch")
    encoder = TileNetwork(find_encoder("uni"), torch.nn.Identity(), lambda pixels: pixels)
    with pytest.raises(ValueError, match="224 px"):
        encoder.encode(np.zeros((1, 256, 256, 3), dtype=np.uint8), 0.5)


@pytest.mark.parametrize("name", SMALL)
def test_the_real_card_describes_a_network_of_its_length(name: str, timm: Any) -> None:
    """Built without memory: the arguments fit each other, the length and the registers are the card's."""
    import torch

    from extract.encoders.tiles_timm import build

    card = find_encoder(name)
    with torch.device("meta"):
        network, _ = build(card)
    if name in PREFIX:
        parts = 2 if card.variant == "cls+mean" else 1
        assert network.num_features * parts == card.dim
        assert network.num_prefix_tokens == PREFIX[name]
        assert network.patch_embed.img_size == {"kaiko_l14": (518, 518)}.get(name, (224, 224))
    elif hasattr(network, "num_features"):
        widths = {"resnet50": 2048, "mobilenet_v2": 1280, "ctranspath": 768}
        assert network.num_features == widths.get(name, 768)


def test_the_weights_of_another_model_are_refused(saved: Save) -> None:
    card = small_card("uni")
    weights = saved(card)
    larger = small_card("uni2_h").model_copy(update={"name": "uni2_h_large"})
    with pytest.raises(RecipeError) as refusal:
        load_encoder(larger, weights)
    assert refusal.value.where == "encoder uni2_h_large: weights"
    assert refusal.value.expected == "the 35 tensors of UNI2-h, ViT-H/14 with 8 registers"
    assert refusal.value.got == (
        "34 tensors: 1 missing (reg_token, ...), "
        "34 of another shape (blocks.0.attn.proj.bias: [32] instead of [48], ...)"
    )


def test_a_tensor_too_many_or_too_few_is_refused(saved: Save) -> None:
    from safetensors.torch import load_file, save_file

    card = small_card("uni")
    weights = saved(card)
    path = weights.folder / "model.safetensors"
    source = WeightsSource(root=weights.folder.parent)
    state = load_file(path)
    save_file({**state, "head.bias": state["norm.bias"].clone()}, path)
    with pytest.raises(RecipeError, match=r"1 unknown \(head\.bias, \.\.\.\)"):
        load_encoder(card, source.find(card))
    del state["norm.bias"]
    save_file(state, path)
    with pytest.raises(RecipeError, match=r"1 missing \(norm\.bias, \.\.\.\)"):
        load_encoder(card, source.find(card))


def test_a_header_tells_the_weights_of_another_model_before_a_run(saved: Save) -> None:
    card = small_card("uni")
    source = WeightsSource(root=saved(card).folder.parent)
    assert find_weights(card, source, None) == source.find(card)
    with pytest.raises(RecipeError, match=r"encoder uni: weights: expected the 342 tensors of UNI, ViT-L/16"):
        find_weights(find_encoder("uni"), source, None)


def test_pickled_weights_are_looked_at_when_they_are_loaded(timm: Any, tmp_path: Path) -> None:
    """They have no header, and a plan reads no gigabytes."""
    import torch

    (tmp_path / "uni").mkdir()
    torch.save({"head.bias": torch.ones(2)}, tmp_path / "uni/pytorch_model.bin")
    card = small_card("uni")
    weights = find_weights(card, WeightsSource(root=tmp_path), None)
    with pytest.raises(RecipeError, match=r"1 unknown \(head\.bias"):
        load_encoder(card, weights)


@pytest.fixture
def phikon(tmp_path: Path) -> tuple[EncoderCard, Weights]:
    """A small Dinov2Model, saved by transformers itself."""
    pytest.importorskip("torch", reason="networks need torch")
    pytest.importorskip("transformers", reason="Phikon-v2 needs transformers")
    import torch
    from transformers import Dinov2Config, Dinov2Model

    card = find_encoder("phikon_v2")
    card = card.model_copy(update={"dim": 32, "architecture": {**card.architecture, "hidden_size": 32}})
    torch.manual_seed(0)
    config = Dinov2Config(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, patch_size=16, image_size=224
    )
    Dinov2Model(config).save_pretrained(tmp_path / "phikon_v2")
    return card, WeightsSource(root=tmp_path).find(card)


def test_phikon_is_what_transformers_computes(phikon: tuple[EncoderCard, Weights], tiles: np.ndarray) -> None:
    import torch
    from transformers import Dinov2Model

    card, weights = phikon
    mean, deviation = MEAN_SD["imagenet"]
    pixels = ((tiles / 255 - mean) / deviation).transpose(0, 3, 1, 2).astype(np.float32)
    with torch.no_grad():
        tokens = Dinov2Model.from_pretrained(weights.folder).eval()(torch.from_numpy(pixels))
    hidden = tokens.last_hidden_state.numpy()
    rows = load_encoder(card, weights).encode(tiles, 0.5)
    np.testing.assert_allclose(rows, hidden[:, 0], atol=1e-5)
    both = load_encoder(choose_variant(card, "cls+mean"), weights).encode(tiles, 0.5)
    np.testing.assert_allclose(both[:, 32:], hidden[:, 1:].mean(axis=1), atol=1e-5)


def test_phikon_of_another_size_is_refused(phikon: tuple[EncoderCard, Weights]) -> None:
    with pytest.raises(RecipeError, match=r"config\.json: expected hidden_size 1024; got 32"):
        load_encoder(find_encoder("phikon_v2"), phikon[1])
    with pytest.raises(RecipeError, match=r"config\.json: expected hidden_size 1024; got 32"):
        find_weights(find_encoder("phikon_v2"), WeightsSource(root=phikon[1].folder.parent), None)


@pytest.mark.parametrize("cuda", [False, True])
def test_what_it_was_computed_with_is_that_of_the_device(cuda: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A CPU computes in f32 whatever the card says, for networks of every modality."""
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    assert computed_with(find_encoder("uni2_h").model_copy(update={"requires": ("torch",)})) == {
        "device": "cuda" if cuda else "cpu",
        "compute_dtype": "bf16" if cuda else "f32",
        "libraries": {"torch": importlib.metadata.version("torch")},
    }


def test_every_network_of_slides_says_what_it_may_be_used_for() -> None:
    for card in encoder_cards("slides"):
        if card.weights_needed:
            assert card.variant in card.variants
            assert card.stored_dtype == "<f2"
            assert card.requires[0] == "torch"
            assert card.commercial is not None or "unverified" in card.licence
            assert "revision" in card.source or card.revision is None
            if "unverified" in card.licence:
                assert card.commercial is not False


def test_a_variant_that_the_card_lacks_is_refused() -> None:
    with pytest.raises(
        RecipeError, match=r"encoder virchow2: variant: expected one of cls\+mean, cls; got pooled"
    ):
        choose_variant(find_encoder("virchow2"), "pooled")
