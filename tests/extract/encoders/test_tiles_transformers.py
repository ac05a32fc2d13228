"""Networks of transformers beside Phikon-v2: a ViT without a pooler, a DINOv2 with gates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

from extract.encoders.from_transformers import import_transformers  # noqa: E402
from extract.encoders.networks import NORMALISATIONS, choose_variant  # noqa: E402
from extract.encoders.registry import find_encoder, find_weights, load_encoder  # noqa: E402
from extract.encoders.weights import WeightsSource  # noqa: E402
from feature_cache.errors import RecipeError  # noqa: E402
from tests.extract.encoders.conftest import tiles_of  # noqa: E402

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 224}


def small_network(name: str) -> Any:
    transformers = import_transformers()
    torch.manual_seed(4)
    if name == "phikon":
        config = transformers.ViTConfig(**SIZES, intermediate_size=64, patch_size=16)
        return transformers.ViTModel(config, add_pooling_layer=False).eval()
    config = transformers.Dinov2Config(**SIZES, patch_size=14, use_swiglu_ffn=True)
    return transformers.Dinov2Model(config).eval()


@pytest.mark.parametrize("name", ["phikon", "midnight"])
def test_it_is_what_transformers_computes(name: str, tmp_path: Path) -> None:
    network = small_network(name)
    network.save_pretrained(tmp_path / name)
    real = find_encoder(name)
    with pytest.raises(RecipeError, match="expected hidden_size"):
        find_weights(real, WeightsSource(root=tmp_path), None)
    parts = 2 if real.variant == "cls+mean" else 1
    card = real.model_copy(
        update={"dim": 32 * parts, "architecture": {**real.architecture, "hidden_size": 32}}
    )
    weights = find_weights(card, WeightsSource(root=tmp_path), None)
    tiles = tiles_of(224, 2)
    mean, deviation = (np.array(part) for part in NORMALISATIONS[card.normalisation])
    pixels = ((tiles / 255 - mean) / deviation).transpose(0, 3, 1, 2).astype(np.float32)
    with torch.no_grad():
        tokens = network(torch.from_numpy(pixels)).last_hidden_state.numpy()
    cls, both = tokens[:, 0], np.hstack([tokens[:, 0], tokens[:, 1:].mean(axis=1)])
    rows = {variant: load_encoder(choose_variant(card, variant), weights) for variant in card.variants}
    np.testing.assert_allclose(rows["cls"].encode(tiles, 0.5), cls, atol=1e-5)
    np.testing.assert_allclose(rows["cls+mean"].encode(tiles, 0.5), both, atol=1e-5)
