"""Bilinear fusion: products of what two modalities say, and what each says alone.

The Kronecker product of [1, token] and [1, token] has (width + 1) ** 2 entries for each pair; here it stands
in its low-rank form. The constant 1 is what lets each modality pass alone. The factors of an absent one are
exactly 0, and with them all its products.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fuse.fusion.fusion_rule import Fused, Tokens, through_own_layers
from fuse.fusion.network_fusion import network_card

if TYPE_CHECKING:
    from torch import nn


class Bilinear:
    """For each pair as many products as the token is wide, no bias anywhere."""

    tiles = False
    weighs = False

    def layers(self, modalities: int, width: int) -> nn.ModuleDict:
        """Return what each modality says alone, and its factors."""
        from torch import nn

        def each() -> nn.ModuleList:
            return nn.ModuleList([nn.Linear(width, width, bias=False) for _ in range(modalities)])

        return nn.ModuleDict({"alone": each(), "factors": each()})

    def fuse(self, layers: nn.ModuleDict, tokens: Tokens) -> Fused:
        """Return the sum of what each says and of the products of all pairs."""
        alone = through_own_layers(layers["alone"], tokens.values)
        factors = through_own_layers(layers["factors"], tokens.values)
        # the sum over pairs of their products (Rendle 2010, equation 5)
        pairs = (factors.sum(dim=1) ** 2 - (factors**2).sum(dim=1)) / 2
        return Fused(vector=alone.sum(dim=1) + pairs)


CARD = network_card(
    "bilinear",
    "Bilinear fusion (low-rank products of pairs)",
    "Chen et al. 2020, arXiv 1912.08937 (Kronecker); Rendle 2010, doi 10.1109/ICDM.2010.127 (pairs)",
    Bilinear(),
)
