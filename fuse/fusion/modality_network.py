"""The network around a fusion rule: one token for each modality, the rule, one linear layer.

Enters: columns of each modality, what is present, tiles of bags. Leaves: what the head asks for of each case,
and the weights that the rule gave to modalities. An absent modality's token is exactly 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import nn

from fuse.fusion.fusion_rule import Fused, FusionRule, TileTokens, Tokens


@dataclass(frozen=True, kw_only=True)
class NetworkShape:
    """`columns` of each modality, `tile_dims` by its place where tiles are looked at, `outputs` a case."""

    columns: tuple[int, ...]
    tile_dims: Mapping[int, int]
    width: int
    outputs: int
    dropout: float


@dataclass(frozen=True, kw_only=True)
class NetworkInput:
    """Of each modality (case, column) float32; `present` (case, modality); packed tiles by place."""

    columns: tuple[torch.Tensor, ...]
    present: torch.Tensor
    tiles: Mapping[int, TileTokens]


class ModalityNetwork(nn.Module):
    """Tokens, rule, output."""

    def __init__(self, shape: NetworkShape, rule: FusionRule) -> None:
        super().__init__()
        self.rule = rule
        self.embed = nn.ModuleList([_embedding(columns, shape) for columns in shape.columns])
        self.embed_tiles = nn.ModuleDict(
            {str(place): _embedding(dim, shape) for place, dim in shape.tile_dims.items()}
        )
        self.layers = rule.layers(len(shape.columns), shape.width)
        self.output = nn.Sequential(nn.Dropout(shape.dropout), nn.Linear(shape.width, shape.outputs))

    def forward(self, given: NetworkInput) -> torch.Tensor:
        """Return (case, output)."""
        said: torch.Tensor = self.output(self.fused(given).vector)
        return said

    def fused(self, given: NetworkInput) -> Fused:
        """Return what the rule made of the tokens."""
        embedded = [embed(columns) for embed, columns in zip(self.embed, given.columns, strict=True)]
        values = torch.stack(embedded, dim=1) * given.present[:, :, None]
        tiles = {
            place: replace(packed, values=self.embed_tiles[str(place)](packed.values))
            for place, packed in given.tiles.items()
        }
        return self.rule.fuse(self.layers, Tokens(values=values, present=given.present, tiles=tiles))


def _embedding(columns: int, shape: NetworkShape) -> nn.Sequential:
    return nn.Sequential(nn.Linear(columns, shape.width), nn.Dropout(shape.dropout))
