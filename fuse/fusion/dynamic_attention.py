"""Attention with dynamic weights: a small network looks at all modalities and says how much each one counts.

The weights are those of each case; they sum to 1 over the modalities that it has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fuse.fusion.fusion_rule import Fused, Tokens, masked_softmax
from fuse.fusion.network_fusion import network_card

if TYPE_CHECKING:
    from torch import nn


class DynamicAttention:
    """Softmax over the modalities that are there, then their weighted sum."""

    tiles = False
    weighs = True

    def layers(self, modalities: int, width: int) -> nn.ModuleDict:
        """Return the network that looks at all tokens."""
        from torch import nn

        weigh = nn.Sequential(
            nn.Linear(modalities * width, width), nn.Tanh(), nn.Linear(width, modalities, bias=False)
        )
        return nn.ModuleDict({"weigh": weigh})

    def fuse(self, layers: nn.ModuleDict, tokens: Tokens) -> Fused:
        """Return the weighted sum of the tokens."""
        weights = masked_softmax(layers["weigh"](tokens.values.flatten(1)), tokens.present)
        return Fused(vector=(weights[:, :, None] * tokens.values).sum(dim=1), weights=weights)


CARD = network_card(
    "dynamic_attention",
    "Attention with dynamic weights over modalities",
    "M-PRTM, attention_fushion.py (dynamic weights of an MLP on the concatenation), with a mask",
    DynamicAttention(),
)
