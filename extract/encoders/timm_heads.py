"""What stands behind a network of timm in some encoders: a pool that learnt where to look, or a projection.

Enters: a network of timm without its own head, and the `head` of a card's architecture. Leaves: a tree of
modules whose tensors have the names of the published checkpoints, and what takes pixels through it.

conch       CONCH: one learnt query looks at all tokens (multi-head attention of torch), then a layer norm;
            `projected` goes on through the matrix to the space of texts. Lu et al. 2024, after CoCa.
conch_v1_5  The same idea with projections of its own and without biases. Ding et al. 2024 (TITAN).
keep        KEEP: two linear layers with GELU behind the class token. Zhou et al. 2026.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from extract.encoders.card import EncoderCard

if TYPE_CHECKING:
    from torch import Tensor

Forward = Callable[["Tensor"], "Tensor"]

#: Heads of the attention of both CONCHs.
HEADS = 8


def attach(card: EncoderCard, trunk: Any) -> tuple[Any, Forward]:
    """Return the network of a card with its head, filled at random, and its forward pass."""
    assert card.dim is not None
    build = {"conch": _conch, "conch_v1_5": _conch_v1_5, "keep": _keep}[str(card.architecture["head"])]
    network, forward = build(trunk, card.dim, card.variant)
    return network, forward


def _conch(trunk: Any, dim: int, variant: str) -> tuple[Any, Forward]:
    from torch import nn

    pool = _query(dim, trunk.num_features)
    pool.attn = nn.MultiheadAttention(
        dim, HEADS, kdim=trunk.num_features, vdim=trunk.num_features, batch_first=True
    )
    network = nn.Module()
    network.visual = _pooled(trunk, pool, dim)
    visual: Any = network.visual
    visual.proj_contrast = nn.Parameter(_random(dim, dim))

    def forward(pixels: Tensor) -> Tensor:
        tokens = pool.ln_k(trunk.forward_features(pixels))
        query = pool.ln_q(pool.query).expand(len(tokens), -1, -1)
        found: Tensor = visual.ln_contrast(pool.attn(query, tokens, tokens, need_weights=False)[0][:, 0])
        return found @ visual.proj_contrast if variant == "projected" else found

    return network, forward


def _conch_v1_5(trunk: Any, dim: int, variant: str) -> tuple[Any, Forward]:
    from torch import nn
    from torch.nn.functional import scaled_dot_product_attention

    pool = _query(dim, trunk.num_features)
    pool.to_q = nn.Linear(dim, dim, bias=False)
    pool.to_kv = nn.Linear(trunk.num_features, 2 * dim, bias=False)
    pool.to_out = nn.Linear(dim, dim, bias=False)
    network: Any = _pooled(trunk, pool, dim)

    def split(rows: Tensor) -> Tensor:
        return rows.reshape(*rows.shape[:-1], HEADS, dim // HEADS).transpose(1, 2)

    def forward(pixels: Tensor) -> Tensor:
        tokens = pool.ln_k(trunk.forward_features(pixels))
        keys, values = pool.to_kv(tokens).chunk(2, dim=-1)
        query = pool.to_q(pool.ln_q(pool.query)).expand(len(tokens), -1, -1)
        found = scaled_dot_product_attention(split(query), split(keys), split(values))
        pooled: Tensor = network.ln_contrast(pool.to_out(found.transpose(1, 2).flatten(2))[:, 0])
        return pooled

    return network, forward


def _keep(trunk: Any, dim: int, variant: str) -> tuple[Any, Forward]:
    from torch import nn

    network: Any = nn.Module()
    network.visual = trunk
    network.visual_head = nn.Sequential(nn.Linear(trunk.num_features, dim), nn.GELU(), nn.Linear(dim, dim))

    def forward(pixels: Tensor) -> Tensor:
        projected: Tensor = network.visual_head(trunk.forward_features(pixels)[:, 0])
        return projected

    return network, forward


def _query(dim: int, width: int) -> Any:
    """Return one learnt query of `dim` numbers with the norms of query and tokens."""
    from torch import nn

    pool: Any = nn.Module()
    pool.query = nn.Parameter(_random(1, dim))
    pool.ln_q, pool.ln_k = nn.LayerNorm(dim), nn.LayerNorm(width)
    return pool


def _pooled(trunk: Any, pool: Any, dim: int) -> Any:
    from torch import nn

    network: Any = nn.Module()
    network.trunk, network.attn_pool_contrast, network.ln_contrast = trunk, pool, nn.LayerNorm(dim)
    return network


def _random(*shape: int) -> Tensor:
    import torch

    return 0.02 * torch.randn(*shape)
