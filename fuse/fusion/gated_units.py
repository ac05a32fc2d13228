"""Gated multimodal units: what all modalities say together opens and closes what each of them says.

The weights are the mean gate of a modality, between 0 and 1. They need not sum to 1: two modalities that both
know something both count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fuse.fusion.fusion_rule import Fused, Tokens, through_own_layers
from fuse.fusion.network_fusion import network_card

if TYPE_CHECKING:
    from torch import nn


class GatedUnits:
    """One gate for each unit of each modality; that of an absent one is shut: exactly 0."""

    tiles = False
    weighs = True

    def layers(self, modalities: int, width: int) -> nn.ModuleDict:
        """Return a layer of content for each modality, and the gates over all."""
        from torch import nn

        content = nn.ModuleList([nn.Linear(width, width) for _ in range(modalities)])
        return nn.ModuleDict({"content": content, "gate": nn.Linear(modalities * width, modalities * width)})

    def fuse(self, layers: nn.ModuleDict, tokens: Tokens) -> Fused:
        """Return the sum of gated contents (their equation for more than two modalities)."""
        import torch

        content = torch.tanh(through_own_layers(layers["content"], tokens.values))
        gates = torch.sigmoid(layers["gate"](tokens.values.flatten(1))).view_as(content)
        gates = gates * tokens.present[:, :, None]
        return Fused(vector=(gates * content).sum(dim=1), weights=gates.mean(dim=2))


CARD = network_card(
    "gated_units",
    "Gated multimodal units",
    "Arevalo et al. 2017, arXiv 1702.01992, section 3.1 (gates of more than two modalities)",
    GatedUnits(),
)
