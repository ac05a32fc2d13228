"""Small networks of the same architectures as the real ones, saved as their weights are."""

from __future__ import annotations

import importlib
import sys
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
    "virchow2": ({"embed_dim": 32, "depth": 2, "num_heads": 2}, 64),
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
        torch.manual_seed(0)
        network = build(card)
        state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
        for name, tensor in state.items():  # random also where a fresh network has zeros and ones
            if tensor.is_floating_point() and not name.endswith("running_var"):
                tensor += 0.05 * torch.randn_like(tensor)
        folder = tmp_path / "weights" / card.name
        folder.mkdir(parents=True)
        save_file(state, folder / (card.weight_file or "model.safetensors"))
        return WeightsSource(root=tmp_path / "weights").find(card)

    return save


@pytest.fixture(scope="session")
def tiles() -> np.ndarray:
    """Five tiles of 224 px, (tile, height, width, 3) uint8."""
    return np.random.default_rng(0).integers(0, 256, (5, 224, 224, 3), dtype=np.uint8)
