"""Small networks of the same architectures as the real ones, saved as their weights are."""

from __future__ import annotations

import importlib
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from extract.encoders.card import EncoderCard
from extract.encoders.registry import find_encoder
from extract.encoders.weights import Weights, WeightsSource

SHIMS = Path(__file__).parents[2] / "shims"

#: What is made smaller of each timm card: its arguments, and the length of its default row.
SMALL: dict[str, tuple[dict[str, Any], int]] = {
    "uni": ({"embed_dim": 32, "depth": 2, "num_heads": 2}, 32),
    "uni2_h": ({"embed_dim": 48, "depth": 2, "num_heads": 2}, 48),
    "virchow": ({"embed_dim": 32, "depth": 2, "num_heads": 2}, 64),
    "virchow2": ({"embed_dim": 32, "depth": 2, "num_heads": 2}, 64),
    "gigapath": ({"embed_dim": 48, "depth": 2, "num_heads": 2}, 48),
    "gigapath_flash": ({"embed_dim": 32, "depth": 2, "num_heads": 2}, 32),
    "h_optimus_1": ({"embed_dim": 48, "depth": 2, "num_heads": 2}, 48),
    "h0_mini": ({"embed_dim": 48, "depth": 2, "num_heads": 2}, 96),
    "kaiko_s8": ({"embed_dim": 32, "depth": 1, "num_heads": 2}, 32),
    "kaiko_s16": ({"embed_dim": 32, "depth": 2, "num_heads": 2}, 32),
    "kaiko_b8": ({"embed_dim": 32, "depth": 1, "num_heads": 2}, 32),
    "kaiko_b16": ({"embed_dim": 32, "depth": 2, "num_heads": 2}, 32),
    "kaiko_l14": ({"embed_dim": 32, "depth": 2, "num_heads": 2}, 32),
    "kaiko_l14_224": ({"embed_dim": 32, "depth": 2, "num_heads": 2}, 32),
    "lunit_s8": ({"embed_dim": 32, "depth": 1, "num_heads": 2}, 32),
    "lunit_s16": ({"embed_dim": 32, "depth": 2, "num_heads": 2}, 32),
    "mstar": ({"embed_dim": 32, "depth": 2, "num_heads": 2}, 32),
    "gpfm": ({"embed_dim": 32, "depth": 2, "num_heads": 2}, 32),
    "open_midnight": ({"embed_dim": 48, "depth": 2, "num_heads": 2}, 48),
    "conch": ({"embed_dim": 32, "depth": 2, "num_heads": 2}, 16),
    "conch_v1_5": ({"embed_dim": 32, "depth": 2, "num_heads": 2}, 16),
    "keep": ({"embed_dim": 32, "depth": 2, "num_heads": 2}, 24),
    "ctranspath": ({"embed_dim": 32, "depths": [1, 2, 1, 1], "num_heads": [1, 2, 4, 8]}, 256),
    "quiltnet_b16": ({"embed_dim": 32, "depth": 2, "num_heads": 2, "num_classes": 24}, 24),
    "quiltnet_b32": ({"embed_dim": 32, "depth": 2, "num_heads": 2, "num_classes": 24}, 24),
    "h_optimus_0": ({"embed_dim": 48, "depth": 2, "num_heads": 2}, 48),
    "resnet50": ({"layers": [1, 1, 1, 1], "channels": [8, 16, 32, 64]}, 128),
    "mobilenet_v2": ({}, 1280),
}


@pytest.fixture(scope="session")
def timm() -> Any:
    """timm, made importable by the shim also where the installed torchvision belongs to a CUDA torch."""
    pytest.importorskip("torch", reason="networks need torch")
    if importlib.util.find_spec("timm") is None:
        pytest.skip("timm is not installed")
    sys.path.insert(0, str(SHIMS))
    try:
        return importlib.import_module("timm")
    finally:
        sys.path.remove(str(SHIMS))


def small_card(name: str) -> EncoderCard:
    """The card of a real encoder, but for its size."""
    card = find_encoder(name)
    smaller, dim = SMALL[name]
    arguments = card.architecture["arguments"]
    assert isinstance(arguments, dict)
    architecture = {**card.architecture, "arguments": {**arguments, **smaller}}
    return card.model_copy(update={"architecture": architecture, "dim": dim})


@pytest.fixture
def saved(timm: Any, tmp_path: Path) -> Callable[[EncoderCard], Weights]:
    """Return a function that saves random weights for a card where `--weights` finds them."""
    import torch
    from safetensors.torch import save_file

    from extract.encoders.tiles_timm import build

    def save(card: EncoderCard) -> Weights:
        torch.manual_seed(zlib.crc32(card.name.encode()))
        network, _ = build(card)
        state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
        for name, tensor in state.items():  # random also where a fresh network has zeros and ones
            if tensor.is_floating_point() and not name.endswith("running_var"):
                tensor += 0.05 * torch.randn_like(tensor)
        folder = tmp_path / "weights" / card.name
        folder.mkdir(parents=True)
        named = card.weight_file if (card.weight_file or "").endswith(".safetensors") else None
        save_file(state, folder / (named or "model.safetensors"))
        return WeightsSource(root=tmp_path / "weights").find(card)

    return save


@pytest.fixture(scope="session")
def tiles() -> np.ndarray:
    """Five tiles of 224 px, (tile, height, width, 3) uint8."""
    return tiles_of(224)


def tiles_of(side_px: int, count: int = 5) -> np.ndarray:
    """Tiles of noise, each on a colour of its own, (tile, height, width, 3) uint8."""
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 192, (count, 1, 1, 3))
    return (colours + rng.integers(0, 64, (count, side_px, side_px, 3))).astype(np.uint8)
