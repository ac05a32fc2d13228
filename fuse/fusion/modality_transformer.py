"""A Transformer over modality tokens: one layer of self-attention among the modalities that a case has.

A learned case token stands beside them and is what is read out. So there are always two tokens at least:
self-attention over a single one would be the identity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fuse.fusion.fusion_rule import Fused, Tokens
from fuse.fusion.network_fusion import network_card

if TYPE_CHECKING:
    import torch
    from torch import nn

HEADS = 4
BLOCKS = 2


class ModalityTransformer:
    """Norm first; an absent modality is masked as a key, and nobody reads its own row."""

    tiles = False
    weighs = False

    def layers(self, modalities: int, width: int) -> nn.ModuleDict:
        """Return the case token (the first row of `places`), the modalities' places, and the blocks."""
        from torch import nn

        blocks = nn.ModuleList([_block(width) for _ in range(BLOCKS)])
        return nn.ModuleDict({"places": nn.Embedding(modalities + 1, width), "blocks": blocks})

    def fuse(self, layers: nn.ModuleDict, tokens: Tokens) -> Fused:
        """Return the case token after the blocks."""
        import torch

        places = layers["places"](torch.arange(tokens.values.shape[1] + 1))
        case = places[:1].expand(len(tokens.values), 1, -1)
        rows = torch.cat([case, tokens.values + places[1:]], dim=1)
        present = torch.cat([tokens.present.new_ones(len(rows), 1), tokens.present], dim=1)
        for block in layers["blocks"].children():
            rows = _through_block(dict(block.named_children()), rows, present)
        return Fused(vector=rows[:, 0])


def _block(width: int) -> nn.ModuleDict:
    from torch import nn

    return nn.ModuleDict(
        {
            "query_key_value": nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 3 * width)),
            "out": nn.Linear(width, width),
            "think": nn.Sequential(
                nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
            ),
        }
    )


def _through_block(block: dict[str, nn.Module], rows: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    rows = rows + block["out"](_attended(block["query_key_value"](rows), present))
    after: torch.Tensor = rows + block["think"](rows)
    return after


def _attended(query_key_value: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    """Return what each token takes from those that are present: (case, token, width)."""
    from torch.nn.functional import scaled_dot_product_attention

    cases, tokens, threefold = query_key_value.shape
    parts = query_key_value.view(cases, tokens, 3, HEADS, threefold // 3 // HEADS)
    query, key, value = parts.permute(2, 0, 3, 1, 4)
    taken = scaled_dot_product_attention(query, key, value, attn_mask=present[:, None, None, :])
    return taken.transpose(1, 2).reshape(cases, tokens, -1)


CARD = network_card(
    "modality_transformer",
    "Transformer over modality tokens",
    "Vaswani et al. 2017, arXiv 1706.03762; a class token as in Dosovitskiy et al. 2021, arXiv 2010.11929",
    ModalityTransformer(),
)
