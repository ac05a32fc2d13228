"""One block of a vision transformer, computed straight from the tensors of a checkpoint.

Enters: tokens and the block's tensors. Leaves: tokens. As in Dosovitskiy et al. 2020 (arXiv 2010.11929) with
norms first; layer scales (DINOv2) where the checkpoint has them, and queries apart from keys and values where
it has those apart (CineMA).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from extract.encoders.networks import Shape

    State = dict[str, Tensor]

#: Width of the hidden layer, in widths of the tokens.
MLP_RATIO = 4


def block_shapes(name: str, width: int, *, apart: bool, scales: bool) -> dict[str, Shape]:
    """Return the shapes of a block's tensors; `apart`: q and kv, not qkv; `scales`: ls1 and ls2."""
    linear = {"attn.proj": (width, width), "mlp.fc1": (MLP_RATIO * width, width)}
    linear |= {"mlp.fc2": (width, MLP_RATIO * width)}
    linear |= (
        {"attn.q": (width, width), "attn.kv": (2 * width, width)}
        if apart
        else {"attn.qkv": (3 * width, width)}
    )
    shapes: dict[str, Shape] = {}
    for part, (wide, narrow) in linear.items():
        shapes[f"{name}.{part}.weight"], shapes[f"{name}.{part}.bias"] = (wide, narrow), (wide,)
    for norm in ("norm1", "norm2"):
        shapes[f"{name}.{norm}.weight"] = shapes[f"{name}.{norm}.bias"] = (width,)
    return shapes | ({f"{name}.{scale}.gamma": (width,) for scale in ("ls1", "ls2")} if scales else {})


def transformer_block(state: State, name: str, tokens: Tensor, heads: int, eps: float) -> Tensor:
    """Return (batch, token, width) of the same."""
    from torch.nn.functional import gelu

    attended = _attend(state, f"{name}.attn", layer_norm(state, f"{name}.norm1", tokens, eps), heads)
    tokens = tokens + _scaled(state, f"{name}.ls1", attended)
    inner = gelu(linear(state, f"{name}.mlp.fc1", layer_norm(state, f"{name}.norm2", tokens, eps)))
    return tokens + _scaled(state, f"{name}.ls2", linear(state, f"{name}.mlp.fc2", inner))


def layer_norm(state: State, name: str, x: Tensor, eps: float) -> Tensor:
    """Normalise the last axis."""
    from torch.nn.functional import layer_norm as normalise

    return normalise(x, (x.shape[-1],), state[f"{name}.weight"], state[f"{name}.bias"], eps)


def linear(state: State, name: str, x: Tensor) -> Tensor:
    """Multiply the last axis by the weights of a layer and add its bias."""
    from torch.nn.functional import linear as multiply

    return multiply(x, state[f"{name}.weight"], state[f"{name}.bias"])


def _attend(state: State, name: str, x: Tensor, heads: int) -> Tensor:
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    parts = ("qkv",) if f"{name}.qkv.weight" in state else ("q", "kv")
    mixed = torch.cat([linear(state, f"{name}.{part}", x) for part in parts], dim=-1)
    batch, tokens, width = x.shape
    q, k, v = mixed.view(batch, tokens, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
    together = scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, tokens, width)
    return linear(state, f"{name}.proj", together)


def _scaled(state: State, name: str, x: Tensor) -> Tensor:
    gamma = state.get(f"{name}.gamma")
    return x if gamma is None else x * gamma
