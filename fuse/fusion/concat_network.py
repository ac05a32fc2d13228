"""Intermediate fusion by concatenation: the tokens side by side, then one hidden layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fuse.fusion.fusion_rule import Fused, Tokens
from fuse.fusion.network_fusion import network_card

if TYPE_CHECKING:
    from torch import nn


class Concatenation:
    """One layer over all tokens; an absent one stands as zeros, which add nothing to its sums."""

    tiles = False
    weighs = False

    def layers(self, modalities: int, width: int) -> nn.ModuleDict:
        """Return one layer from all tokens to one."""
        from torch import nn

        return nn.ModuleDict({"join": nn.Sequential(nn.Linear(modalities * width, width), nn.ReLU())})

    def fuse(self, layers: nn.ModuleDict, tokens: Tokens) -> Fused:
        """Return the hidden layer."""
        return Fused(vector=layers["join"](tokens.values.flatten(1)))


CARD = network_card(
    "concat_network",
    "Intermediate fusion (concatenated tokens)",
    "Chen et al. 2022, doi 10.1016/j.ccell.2022.07.004 (PORPOISE, its concatenation)",
    Concatenation(),
)
