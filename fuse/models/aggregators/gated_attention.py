"""Gated attention pooling (Ilse, Tomczak, Welling 2018, arXiv 1802.04712, equation 9)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import nn

from fuse.models.aggregators.aggregator import WeightedMean
from fuse.models.aggregators.packing import Packing


class GatedAttention(WeightedMean):
    """Weights from a small network with a gate; it has half the width of an embedded tile."""

    def __init__(self, hidden: int, outputs: int, dropout: float) -> None:
        super().__init__(hidden, outputs, dropout)
        self.content_and_gate = nn.Linear(hidden, hidden)
        self.attend = nn.Linear(hidden // 2, 1, bias=False)

    def pool(
        self, embedded: Float[torch.Tensor, "tile hidden"], packing: Packing
    ) -> Float[torch.Tensor, "bag hidden"]:
        """Return the mean of each bag, weighted by attention."""
        return packing.weighted(packing.softmax(self.score(embedded))[:, None], embedded)[:, 0]

    def weights(self, embedded: Float[torch.Tensor, "tile hidden"]) -> Float[torch.Tensor, "tile 1"]:
        """Return the attention in one bag."""
        return Packing(sizes=(len(embedded),)).softmax(self.score(embedded))[:, None]

    def score(self, embedded: Float[torch.Tensor, "tile hidden"]) -> Float[torch.Tensor, " tile"]:
        """Return the attention before its softmax."""
        content, gate = self.content_and_gate(embedded).chunk(2, dim=1)
        score: torch.Tensor = self.attend(torch.tanh(content) * torch.sigmoid(gate))
        return score[:, 0]
