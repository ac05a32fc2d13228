"""The blocks of the DAE-Former: a feed-forward that sees its neighbours, and attention in two directions.

Enters: tokens (batch, token, channel) and the rows and columns they stand in. Leaves: the same, refined.
The depth-wise convolution is all that knows where a token lies: there is no position embedding, which is
why the network takes images of any size.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from extract.segment.networks.attention import CrossAttention, EfficientAttention, TransposeAttention

#: How much wider a feed-forward is inside.
EXPANSION = 4

Grid = tuple[int, int]


class MixFeedForward(nn.Module):
    """Two linear layers around a 3 x 3 depth-wise convolution with a skip (MISSFormer's enhanced Mix-FFN)."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.widen = nn.Linear(width, inner)
        self.neighbours = nn.Conv2d(inner, inner, 3, padding=1, groups=inner)
        self.norm = nn.LayerNorm(inner)
        self.narrow = nn.Linear(inner, width)

    def forward(self, tokens: torch.Tensor, grid: Grid) -> torch.Tensor:
        """Return (batch, token, channel)."""
        wide = self.widen(tokens)
        seen = to_tokens(self.neighbours(to_image(wide, grid)))
        mixed: torch.Tensor = self.narrow(functional.gelu(self.norm(wide + seen)))
        return mixed


class DualBlock(nn.Module):
    """Efficient attention, then transpose attention, each with a feed-forward behind."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(4))
        self.spatial = EfficientAttention(width)
        self.spatial_mix = MixFeedForward(width, EXPANSION * width)
        self.channel = TransposeAttention(width)
        self.channel_mix = MixFeedForward(width, EXPANSION * width)

    def forward(self, tokens: torch.Tensor, grid: Grid) -> torch.Tensor:
        """Return (batch, token, channel)."""
        tokens = tokens + self.spatial(self.norms[0](tokens))
        tokens = tokens + self.spatial_mix(self.norms[1](tokens), grid)
        tokens = tokens + self.channel(self.norms[2](tokens))
        refined: torch.Tensor = tokens + self.channel_mix(self.norms[3](tokens), grid)
        return refined


class SkipBlock(nn.Module):
    """Skip connection by cross-attention: decoder and encoder side by side, twice as wide."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.cross = CrossAttention(width)
        self.norm_both = nn.LayerNorm(2 * width)
        self.mix = MixFeedForward(2 * width, EXPANSION * width)

    def forward(self, below: torch.Tensor, skip: torch.Tensor, grid: Grid) -> torch.Tensor:
        """Return (batch, token, 2 x channel)."""
        both = torch.cat([below, skip], dim=2) + self.cross(self.norm(below), self.norm(skip))
        refined: torch.Tensor = both + self.mix(self.norm_both(both), grid)
        return refined


def to_image(tokens: torch.Tensor, grid: Grid) -> torch.Tensor:
    """Return (batch, channel, row, column) of (batch, token, channel); tokens are row by row."""
    return tokens.transpose(1, 2).reshape(len(tokens), -1, *grid)


def to_tokens(image: torch.Tensor) -> torch.Tensor:
    """Return (batch, token, channel) of (batch, channel, row, column)."""
    return image.flatten(2).transpose(1, 2)
