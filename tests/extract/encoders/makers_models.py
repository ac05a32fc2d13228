"""Small random models with code of their makers beside them, as vendors save them on the hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

#: Width of a tile's vector, and of what the model makes of it.
TILE, OUT = 6, 4

CONFIGURATION = """
from transformers import PretrainedConfig

class SmallConfig(PretrainedConfig):
    model_type = "small_of_its_makers"

    def __init__(self, tile=6, out=4, **more):
        self.tile, self.out = tile, out
        super().__init__(**more)
"""
MODELING = """
from types import SimpleNamespace

import torch
from transformers import PreTrainedModel

from .configuration_small import SmallConfig
from .layers_small import Twice

class SmallModel(PreTrainedModel):
    config_class = SmallConfig

    def __init__(self, config):
        super().__init__(config)
        self.first = torch.nn.Linear(config.tile, config.out)
        self.tied = torch.nn.Linear(config.tile, config.out)
        self.tied.weight = self.first.weight
        self.twice = Twice()

    def forward(self, pixel_values):
        colours = torch.cat([pixel_values.mean(dim=(2, 3)), pixel_values.amax(dim=(2, 3))], dim=1)
        return SimpleNamespace(pooler_output=self.twice(self.first(colours)))

    def encode_slide_from_patch_features(self, features, coords, patch_size_lv0):
        assert features.dtype == torch.float32 and coords.dtype == torch.int64
        places = (coords // int(patch_size_lv0)).float().mean(dim=1)
        return self.first(features.mean(dim=1)) + places.sum()

    def slide_representations(self, features):
        return {"image_embedding": self.first(features.amax(dim=1)), "image_latents": features}

    def forward_features(self, features):
        weights = self.first(features).sum(dim=-1, keepdim=True).softmax(dim=1)
        return self.first((weights * features).sum(dim=1)), {"attention": weights}
"""
LAYERS = """
import torch

class Twice(torch.nn.Module):
    def forward(self, values):
        return 2 * values
"""
AUTO_MAP = {"AutoConfig": "configuration_small.SmallConfig", "AutoModel": "modeling_small.SmallModel"}


def save_makers_model(
    folder: Path, auto_map: dict[str, str] = AUTO_MAP, *, tile: int = TILE, out: int = OUT
) -> dict[str, Any]:
    """Write config, code and weights, the tied tensor once, as transformers does; return the tensors."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    config = {"model_type": "small_of_its_makers", "tile": tile, "out": out, "auto_map": auto_map}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    for name, code in (("configuration", CONFIGURATION), ("modeling", MODELING), ("layers", LAYERS)):
        (folder / f"{name}_small.py").write_text(code, encoding="utf-8")
    torch.manual_seed(5)
    state = {
        "first.weight": torch.randn(out, tile),
        "first.bias": torch.randn(out),
        "tied.bias": torch.randn(out),
    }
    save_file(state, folder / "model.safetensors")
    return state
