"""Networks of timm with more to them: other names of tensors, heads, stems, part of the tile."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from extract.encoders.card import EncoderCard
from extract.encoders.networks import NORMALISATIONS, choose_variant
from extract.encoders.registry import find_encoder, find_weights, load_encoder
from extract.encoders.weights import Weights, WeightsSource
from extract.slides.settings import resolve_slides
from feature_cache.errors import RecipeError
from tests.extract.encoders.conftest import small_card, tiles_of

State = dict[str, Any]


def random_network(card: EncoderCard) -> Any:
    """The card's network, random also where a fresh one has zeros and ones; evaluation mode."""
    import torch

    from extract.encoders.tiles_timm import build

    torch.manual_seed(7)
    network = build(card)[0].eval()
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor += 0.05 * torch.rand_like(tensor)
    return network


def save(state: State, card: EncoderCard, root: Path) -> Weights:
    """Save tensors where `--weights` finds them."""
    from safetensors.torch import save_file

    (root / card.name).mkdir()
    save_file(
        {name: tensor.contiguous().clone() for name, tensor in state.items()},
        root / card.name / "model.safetensors",
    )
    return WeightsSource(root=root).find(card)


def normalised(tiles: np.ndarray, card: EncoderCard) -> Any:
    import torch

    mean, deviation = (np.array(part) for part in NORMALISATIONS[card.normalisation])
    return torch.from_numpy(((tiles / 255 - mean) / deviation).transpose(0, 3, 1, 2).astype(np.float32))


def layer_norm(tokens: Any, state: State, name: str, eps: float) -> Any:
    from torch.nn.functional import layer_norm as norm

    return norm(tokens, tokens.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"], eps)


@pytest.mark.parametrize("name", ["open_midnight", "gpfm"])
def test_names_of_dinov2(name: str, timm: Any, tmp_path: Path) -> None:
    """timm's own conversion, which also moves the position of the class token, is the oracle."""
    import torch
    from timm.models.vision_transformer import checkpoint_filter_fn

    card, tiles = small_card(name), tiles_of(224, 2)
    network = random_network(card)
    theirs = dict(network.state_dict())
    theirs["mask_token"] = torch.zeros(1, card.dim or 0)
    if name == "open_midnight":
        theirs["register_tokens"] = theirs.pop("reg_token")
        theirs["pos_embed"] = torch.cat([torch.rand(1, 1, card.dim or 0), theirs["pos_embed"]], dim=1)
        theirs = {
            key.replace("mlp.fc1", "mlp.w12").replace("mlp.fc2", "mlp.w3"): t for key, t in theirs.items()
        }
    weights = save(theirs, card, tmp_path)
    network.load_state_dict(checkpoint_filter_fn(dict(theirs), network))
    with torch.no_grad():
        expected = network.forward_features(normalised(tiles, card))[:, 0].numpy()
    assert find_weights(card, WeightsSource(root=tmp_path), None) == weights
    np.testing.assert_allclose(load_encoder(card, weights).encode(tiles, 0.5), expected, atol=1e-4)


def test_a_stem_of_convolutions_and_names_of_an_older_swin(timm: Any, tmp_path: Path) -> None:
    import re

    import torch
    from timm.models.swin_transformer import checkpoint_filter_fn
    from torch.nn.functional import batch_norm, conv2d, relu

    card, tiles = small_card("ctranspath"), tiles_of(224, 2)
    network = random_network(card)
    own = network.state_dict()
    theirs = {
        re.sub(
            r"^layers\.(\d)\.downsample", lambda stage: f"layers.{int(stage[1]) - 1}.downsample", key
        ): tensor
        for key, tensor in own.items()
    }
    assert "layers.0.downsample.reduction.weight" in theirs
    again = checkpoint_filter_fn({**theirs, "layers.0.blocks.0.attn_mask": torch.zeros(1)}, network)
    assert again.keys() == own.keys()
    weights = save({**theirs, "layers.0.blocks.0.attn_mask": torch.zeros(1)}, card, tmp_path)
    pixels = normalised(tiles, card)
    with torch.no_grad():
        stem = pixels
        for number, stride in ((0, 2), (3, 2)):
            stem = conv2d(stem, own[f"patch_embed.proj.{number}.weight"], stride=stride, padding=1)
            norm = f"patch_embed.proj.{number + 1}"
            mean, spread = own[f"{norm}.running_mean"], own[f"{norm}.running_var"]
            stem = relu(batch_norm(stem, mean, spread, own[f"{norm}.weight"], own[f"{norm}.bias"]))
        stem = conv2d(stem, own["patch_embed.proj.6.weight"], own["patch_embed.proj.6.bias"])
        stem = layer_norm(stem.permute(0, 2, 3, 1), own, "patch_embed.norm", 1e-5)
        torch.testing.assert_close(network.patch_embed(pixels), stem, atol=1e-5, rtol=1e-5)
        expected = network.norm(network.layers(stem)).mean(dim=(1, 2)).numpy()
    rows = load_encoder(card, weights).encode(tiles, 0.5)
    np.testing.assert_allclose(rows, expected, atol=1e-4)
    assert np.abs(rows[0] - rows[1]).max() > 1e-3


def to_openai(own: State) -> State:
    """Tensors of timm under the names of CLIP; the second norms are not numbered twice."""
    swaps = [
        ("patch_embed.proj", "conv1"), ("norm_pre", "ln_pre"), (".norm1", ".ln_1"), (".norm2", ".ln_2"),
        ("blocks.", "transformer.resblocks."), ("attn.qkv.", "attn.in_proj_"), ("attn.proj", "attn.out_proj"),
        ("mlp.fc1", "mlp.c_fc"), ("mlp.fc2", "mlp.c_proj"),
    ]  # fmt: skip
    theirs = {"logit_scale": own["cls_token"].sum(), "token_embedding.weight": own["pos_embed"][0]}
    for name, tensor in own.items():
        if name == "cls_token":
            theirs["visual.class_embedding"] = tensor.flatten()
        elif name == "pos_embed":
            theirs["visual.positional_embedding"] = tensor[0]
        elif name == "head.weight":
            theirs["visual.proj"] = tensor.T
        elif name != "head.bias":
            for ours, swapped in swaps:
                name = name.replace(ours, swapped)
            theirs[f"visual.{name}".replace("visual.norm.", "visual.ln_post.")] = tensor
    return theirs


def clip_by_hand(state: State, pixels: Any, *, quick: bool) -> Any:
    """The image tower as CLIP's paper and code have it, out of torch's functions; two heads, two layers."""
    import torch
    from torch.nn.functional import conv2d, gelu, linear, multi_head_attention_forward

    visual = {name.removeprefix("visual."): tensor for name, tensor in state.items()}
    patch = visual["conv1.weight"].shape[-1]
    tokens = conv2d(pixels, visual["conv1.weight"], stride=patch).flatten(2).transpose(1, 2)
    cls = visual["class_embedding"].expand(len(tokens), 1, -1)
    tokens = torch.cat([cls, tokens], dim=1) + visual["positional_embedding"]
    tokens = layer_norm(tokens, visual, "ln_pre", 1e-5)
    for number in range(2):
        layer = f"transformer.resblocks.{number}"
        inner = layer_norm(tokens, visual, f"{layer}.ln_1", 1e-5).transpose(0, 1)
        attended, _ = multi_head_attention_forward(
            inner, inner, inner, inner.shape[-1], 2,
            visual[f"{layer}.attn.in_proj_weight"], visual[f"{layer}.attn.in_proj_bias"],
            None, None, False, 0.0,
            visual[f"{layer}.attn.out_proj.weight"], visual[f"{layer}.attn.out_proj.bias"],
        )  # fmt: skip
        tokens = tokens + attended.transpose(0, 1)
        inner = layer_norm(tokens, visual, f"{layer}.ln_2", 1e-5)
        inner = linear(inner, visual[f"{layer}.mlp.c_fc.weight"], visual[f"{layer}.mlp.c_fc.bias"])
        inner = inner * torch.sigmoid(1.702 * inner) if quick else gelu(inner)
        tokens = tokens + linear(
            inner, visual[f"{layer}.mlp.c_proj.weight"], visual[f"{layer}.mlp.c_proj.bias"]
        )
    return layer_norm(tokens[:, 0], visual, "ln_post", 1e-5) @ visual["proj"]


def small_clip(name: str) -> EncoderCard:
    card = small_card(name)
    vision = {**dict(card.architecture["vision_cfg"]), "width": 32, "layers": 2}  # type: ignore[call-overload]
    return card.model_copy(update={"architecture": {**card.architecture, "vision_cfg": vision}})


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("name", ["quiltnet_b16", "quiltnet_b32"])
def test_the_image_tower_of_clip(name: str, quick: bool, timm: Any, tmp_path: Path) -> None:
    import torch

    card, tiles = small_clip(name), tiles_of(224, 2)
    theirs = to_openai(random_network(card).state_dict())
    vision = card.architecture["vision_cfg"]
    save(theirs, card, tmp_path)
    config = {"model_cfg": {"embed_dim": 24, "vision_cfg": vision, **({"quick_gelu": True} if quick else {})}}
    (tmp_path / name / "open_clip_config.json").write_text(json.dumps(config), encoding="utf-8")
    weights = find_weights(card, WeightsSource(root=tmp_path), None)
    assert [file.name for file in weights.files] == ["model.safetensors", "open_clip_config.json"]
    with torch.no_grad():
        expected = clip_by_hand(theirs, normalised(tiles, card), quick=quick).numpy()
    np.testing.assert_allclose(load_encoder(card, weights).encode(tiles, 0.5), expected, atol=1e-4)


def test_a_clip_without_its_config_is_refused(timm: Any, tmp_path: Path) -> None:
    """Which GELU it was trained with stands nowhere else."""
    card = small_clip("quiltnet_b32")
    save(to_openai(random_network(card).state_dict()), card, tmp_path)
    with pytest.raises(
        RecipeError, match=r"open_clip_config\.json: expected .* names the activation; got none"
    ):
        find_weights(card, WeightsSource(root=tmp_path), None)
    config = {"model_cfg": {"embed_dim": 24, "vision_cfg": {"image_size": 224, "layers": 12}}}
    (tmp_path / "quiltnet_b32/open_clip_config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(RecipeError, match=r"expected layers 2; got 12"):
        find_weights(card, WeightsSource(root=tmp_path), None)


def conch_by_hand(state: State, tokens: Any) -> Any:
    """The pool of CONCH by torch's function for attention with three projections."""
    from torch.nn.functional import multi_head_attention_forward

    pool = {name.removeprefix("visual.attn_pool_contrast."): tensor for name, tensor in state.items()}
    context = layer_norm(tokens, pool, "ln_k", 1e-5).transpose(0, 1)
    query = layer_norm(pool["query"], pool, "ln_q", 1e-5)[:, None].repeat(1, len(tokens), 1)
    found, _ = multi_head_attention_forward(
        query, context, context, query.shape[-1], 8, None, pool["attn.in_proj_bias"], None, None, False, 0.0,
        pool["attn.out_proj.weight"], pool["attn.out_proj.bias"], use_separate_proj_weight=True,
        q_proj_weight=pool["attn.q_proj_weight"], k_proj_weight=pool["attn.k_proj_weight"],
        v_proj_weight=pool["attn.v_proj_weight"],
    )  # fmt: skip
    return layer_norm(found[0], state, "visual.ln_contrast", 1e-5)


def conch_v1_5_by_hand(state: State, tokens: Any) -> Any:
    """The pool of CONCH v1.5, one head after the other."""
    import torch

    pool = {name.removeprefix("attn_pool_contrast."): tensor for name, tensor in state.items()}
    context = layer_norm(tokens, pool, "ln_k", 1e-5)
    query = layer_norm(pool["query"], pool, "ln_q", 1e-5) @ pool["to_q.weight"].T
    keys, values = (context @ pool["to_kv.weight"].T).chunk(2, dim=-1)
    width = query.shape[-1] // 8
    heads = []
    for start in range(0, query.shape[-1], width):
        part = slice(start, start + width)
        weight = (query[:, part] @ keys[:, :, part].transpose(1, 2) / width**0.5).softmax(dim=-1)
        heads.append(weight @ values[:, :, part])
    pooled = torch.cat(heads, dim=-1) @ pool["to_out.weight"].T
    return layer_norm(pooled[:, 0], state, "ln_contrast", 1e-5)


def keep_by_hand(state: State, tokens: Any) -> Any:
    from torch.nn.functional import gelu, linear

    hidden = gelu(linear(tokens[:, 0], state["visual_head.0.weight"], state["visual_head.0.bias"]))
    return linear(hidden, state["visual_head.2.weight"], state["visual_head.2.bias"])


HEADS: dict[str, tuple[str, Callable[[State, Any], Any]]] = {
    "conch": ("visual.trunk", conch_by_hand),
    "conch_v1_5": ("trunk", conch_v1_5_by_hand),
    "keep": ("visual", keep_by_hand),
}


@pytest.mark.parametrize("name", HEADS)
def test_heads_behind_a_network(name: str, timm: Any, tmp_path: Path) -> None:
    import torch

    card = small_card(name)
    assert card.input_px is not None
    tiles = tiles_of(card.input_px, 2)
    network = random_network(card)
    own = network.state_dict()
    trunk, by_hand = HEADS[name]
    pixels = normalised(tiles, card)
    if "view" in card.architecture:
        pixels = torch.nn.functional.interpolate(pixels, size=(448, 448), mode="bilinear", antialias=True)
    with torch.no_grad():
        expected = by_hand(own, network.get_submodule(trunk).forward_features(pixels)).numpy()
    more: State = {"text.w": torch.ones(2), "logit_scale": torch.ones(1)} if name != "conch_v1_5" else {}
    if name == "keep":
        own = {
            key.replace(".ls1.gamma", ".ls1.weight").replace(".ls2.gamma", ".ls2.weight"): t
            for key, t in own.items()
        }
        assert "visual.blocks.0.ls1.weight" in own
    weights = save({**own, **more}, card, tmp_path)
    assert find_weights(card, WeightsSource(root=tmp_path), None) == weights
    rows = load_encoder(card, weights).encode(tiles, 0.5)
    np.testing.assert_allclose(rows, expected, atol=1e-4)
    assert np.abs(rows[0] - rows[1]).max() > 1e-4
    if name == "conch":
        projected = load_encoder(choose_variant(card, "projected"), weights).encode(tiles, 0.5)
        np.testing.assert_allclose(projected, expected @ own["visual.proj_contrast"].numpy(), atol=1e-4)


def test_a_tensor_that_a_head_lacks_is_missed(timm: Any, tmp_path: Path) -> None:
    card = small_card("conch")
    own = random_network(card).state_dict()
    del own["visual.attn_pool_contrast.query"]
    save(own, card, tmp_path)
    with pytest.raises(RecipeError, match=r"1 missing \(visual\.attn_pool_contrast\.query"):
        find_weights(card, WeightsSource(root=tmp_path), None)


@pytest.mark.parametrize("name", ["gigapath", "gigapath_flash"])
def test_the_middle_of_a_tile_is_what_gigapath_sees(
    name: str, saved: Callable[[EncoderCard], Weights]
) -> None:
    card = small_card(name)
    weights = saved(card)
    encoder = load_encoder(card, weights)
    tiles = tiles_of(256, 2)
    whole = encoder.encode(tiles, 0.5)
    rim = tiles.copy()
    rim[:, :16], rim[:, -16:], rim[:, :, :16], rim[:, :, -16:] = 0, 0, 0, 0
    np.testing.assert_array_equal(encoder.encode(rim, 0.5), whole)
    middle = card.model_copy(update={"input_px": 224, "architecture": {**card.architecture, "view": None}})
    np.testing.assert_array_equal(load_encoder(middle, weights).encode(tiles[:, 16:240, 16:240], 0.5), whole)


def test_a_tile_is_made_smaller_as_pillow_does(timm: Any) -> None:
    """To the rounding of Pillow's 8 bits: it rounds after each of two passes."""
    import torch
    from PIL import Image

    from extract.encoders.tile_view import viewer

    card = find_encoder("conch_v1_5")
    tiles = tiles_of(512, 1)
    mean, deviation = (torch.tensor(part).view(1, 3, 1, 1) for part in NORMALISATIONS["imagenet"])
    for how, filtered in (("bilinear", Image.Resampling.BILINEAR), ("bicubic", Image.Resampling.BICUBIC)):
        view = {"resize_px": 448, "interpolation": how}
        shown = viewer(card.model_copy(update={"architecture": {"view": view}}))(normalised(tiles, card))
        levels = ((shown * deviation + mean) * 255)[0].permute(1, 2, 0).numpy()
        theirs = np.asarray(Image.fromarray(tiles[0]).resize((448, 448), filtered))
        assert np.abs(levels - theirs).max() < 1.1
        assert levels.min() > -1e-3 and levels.max() < 255.001


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ({"encoder": "gigapath", "tile_px": 224}, "tiles of 256 px at 0.5 um for gigapath"),
        ({"encoder": "conch_v1_5", "tile_px": 448}, "tiles of 512 px at 0.5 um for conch_v1_5"),
        ({"encoder": "virchow", "mpp": 0.25}, "tiles of 224 px at 0.5 um for virchow"),
        ({"encoder": "midnight", "mpp": 0.4}, "tiles of 224 px at 0.5 or 0.25 or 1.0 or 2.0 um for midnight"),
    ],
)
def test_a_recipe_that_contradicts_the_card_is_refused(block: dict[str, Any], expected: str) -> None:
    with pytest.raises(RecipeError) as refusal:
        resolve_slides("own", block, WeightsSource())
    assert refusal.value.expected == expected
