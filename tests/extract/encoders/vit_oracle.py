"""A transformer of torch's own modules, filled with the tensors of a block under the names that we use."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")


def random_state(shapes: dict[str, tuple[int, ...]], seed: int = 0) -> dict[str, torch.Tensor]:
    """Draw every tensor; norms near 1, so that what goes in is seen in what comes out."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in shapes.items():
        drawn = torch.randn(shape, generator=generator)
        inside = max(1, int(torch.tensor(shape[1:]).prod())) if len(shape) > 1 else 25
        state[name] = drawn / inside**0.5 + (1.0 if "norm" in name and name.endswith("weight") else 0.0)
    return state


def block(state: dict[str, torch.Tensor], name: str, heads: int, eps: float) -> torch.nn.Module:
    """Return torch's own encoder layer (norms first, GELU) with the tensors of a block without scales."""
    apart = f"{name}.attn.q.weight" in state
    width = state[f"{name}.norm1.weight"].shape[0]
    layer = torch.nn.TransformerEncoderLayer(
        width, heads, 4 * width, dropout=0.0, activation="gelu", layer_norm_eps=eps,
        batch_first=True, norm_first=True,
    )  # fmt: skip
    parts = ("q", "kv") if apart else ("qkv",)
    own = {
        "self_attn.in_proj_weight": torch.cat([state[f"{name}.attn.{part}.weight"] for part in parts]),
        "self_attn.in_proj_bias": torch.cat([state[f"{name}.attn.{part}.bias"] for part in parts]),
    }
    theirs = {"self_attn.out_proj": "attn.proj", "linear1": "mlp.fc1", "linear2": "mlp.fc2"}
    for mine, published in {**theirs, "norm1": "norm1", "norm2": "norm2"}.items():
        for part in ("weight", "bias"):
            own[f"{mine}.{part}"] = state[f"{name}.{published}.{part}"]
    layer.load_state_dict(own)
    return layer.eval()
