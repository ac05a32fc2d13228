"""What a way to fuse modalities inside a network must offer, and what it is given.

Enters: one token for each modality of each case, and which of them are there. Leaves: one vector for each
case and, where the rule weighs modalities, the weights. A token that is not there is exactly 0 and is marked;
a rule must not let it count, not even by its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch
    from torch import nn

    from fuse.models.aggregators.packing import Packing


@dataclass(frozen=True, kw_only=True)
class TileTokens:
    """Tiles of one modality of several cases: `values` (tile, width) float32, the bags one after the other.

    `rows` (bag,) int64: the case of each bag. A case without the modality has none.
    """

    values: torch.Tensor
    packing: Packing
    rows: torch.Tensor


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """The modalities of some cases.

    `values` (case, modality, width) float32, exactly 0 where absent; `present` (case, modality) bool, at
    least one in each case; `tiles`: place of a modality -> its tiles, for rules that look at them.
    """

    values: torch.Tensor
    present: torch.Tensor
    tiles: Mapping[int, TileTokens] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Fused:
    """`vector` (case, width) float32; `weights` (case, modality) >= 0, exactly 0 where absent, or None."""

    vector: torch.Tensor
    weights: torch.Tensor | None = None


class FusionRule(Protocol):
    """One way to make one vector of several tokens."""

    #: Whether it looks at the tiles of modalities that have them, and not at their mean.
    tiles: bool
    #: Whether it gives weights of modalities.
    weighs: bool

    def layers(self, modalities: int, width: int) -> nn.ModuleDict:
        """Return what is learned."""

    def fuse(self, layers: nn.ModuleDict, tokens: Tokens) -> Fused:
        """Return the vector of each case; a case decides about its own alone."""


def masked_softmax(score: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    """Return softmax over the last axis of what is present; exactly 0.0 elsewhere.

    `score` and `present` (..., modality); at least one is present in each row.
    """
    import torch

    return torch.softmax(score.masked_fill(~present, -torch.inf), dim=-1)


def through_own_layers(layers: nn.Module, values: torch.Tensor) -> torch.Tensor:
    """Return (case, modality, width) values after the layer of each modality; `layers` is a ModuleList."""
    import torch

    each = zip(layers.children(), values.unbind(dim=1), strict=True)
    return torch.stack([layer(token) for layer, token in each], dim=1)
