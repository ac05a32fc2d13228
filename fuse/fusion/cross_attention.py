"""Cross-attention: the tokens of the other modalities ask the tiles of a bag what they need.

As in MCAT, where groups of genes are the queries. One learned query asks for every case, so that a bag
speaks also where nothing else is there to ask. A modality without bags contributes its own token. What came
of it stands side by side and goes through one hidden layer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fuse.fusion.fusion_rule import Fused, TileTokens, Tokens
from fuse.fusion.network_fusion import network_card

if TYPE_CHECKING:
    import torch
    from torch import nn


class CrossAttention:
    """One head; the answers to the queries that are there are averaged."""

    tiles = True
    weighs = False

    def layers(self, modalities: int, width: int) -> nn.ModuleDict:
        """Return queries, keys and values, the learned query, and the hidden layer."""
        from torch import nn

        return nn.ModuleDict(
            {
                "asked_always": nn.Embedding(1, width),
                "query": nn.Linear(width, width, bias=False),
                "key": nn.Linear(width, width, bias=False),
                "value": nn.Linear(width, width),
                "join": nn.Sequential(nn.Linear(modalities * width, width), nn.ReLU()),
            }
        )

    def fuse(self, layers: nn.ModuleDict, tokens: Tokens) -> Fused:
        """Return the hidden layer over tokens and answers."""
        import torch

        others = [place for place in range(tokens.values.shape[1]) if place not in tokens.tiles]
        always = layers["asked_always"](torch.zeros(len(tokens.values), 1, dtype=torch.int64))
        queries = layers["query"](torch.cat([always, tokens.values[:, others]], dim=1))
        asking = torch.cat([tokens.present.new_ones(len(queries), 1), tokens.present[:, others]], dim=1)
        each = list(tokens.values.unbind(dim=1))
        for place, tiles in tokens.tiles.items():
            each[place] = torch.zeros_like(each[place]).index_add(
                0, tiles.rows, _answers(layers, queries[tiles.rows], asking[tiles.rows], tiles)
            )
        return Fused(vector=layers["join"](torch.cat(each, dim=1)))


def _answers(
    layers: nn.ModuleDict, queries: torch.Tensor, asking: torch.Tensor, tiles: TileTokens
) -> torch.Tensor:
    """Return the mean answer of each bag, (bag, width); `queries` (bag, query, width), `asking` a mask."""
    packing = tiles.packing
    keys, values = layers["key"](tiles.values), layers["value"](tiles.values)
    total: torch.Tensor = values.new_zeros(len(packing), values.shape[1])
    for place in range(queries.shape[1]):
        score = (keys * queries[:, place].index_select(0, packing.bag)).sum(dim=1) / values.shape[1] ** 0.5
        answer = packing.sum(packing.softmax(score)[:, None] * values)
        total = total + answer * asking[:, [place]]
    return total / asking.sum(dim=1, keepdim=True).to(total.dtype)


CARD = network_card(
    "cross_attention",
    "Cross-attention (tiles asked by the other modalities)",
    "Chen et al. 2021, doi 10.1109/ICCV48922.2021.00398 (MCAT), equation 2",
    CrossAttention(),
)
