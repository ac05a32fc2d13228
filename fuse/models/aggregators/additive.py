"""Additive MIL: a bag's output is the sum of what a network says of each tile under its attention.

Javed et al. 2022 (NeurIPS, arXiv 2206.01794): sum over tiles of psi(a_k h_k) instead of psi(sum a_k h_k). The
credit of a tile is its own term, exact though psi is not linear.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import nn

from fuse.models.aggregators.aggregator import Aggregator, Parts
from fuse.models.aggregators.gated_attention import GatedAttention
from fuse.models.aggregators.packing import Packing


class Additive(Aggregator):
    """Gated attention, then a small network on each weighted tile, then the sum.

    The weighted tile is multiplied by the size of its bag (a tile of mean attention is itself), and the
    terms are averaged: bags of any size speak on one scale.
    """

    def __init__(self, hidden: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.gated = GatedAttention(hidden, 1, dropout)
        self.say = nn.Sequential(
            nn.Linear(hidden, hidden // 2), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden // 2, outputs)
        )

    def forward(
        self, embedded: Float[torch.Tensor, "tile hidden"], packing: Packing
    ) -> Float[torch.Tensor, "bag output"]:
        """Return the sum of the tiles' terms."""
        attention = packing.softmax(self.gated.score(embedded))
        size = packing.size[packing.bag]
        terms = self.say((attention * size)[:, None] * embedded) / size[:, None]
        return packing.sum(terms)

    def parts(self, embedded: Float[torch.Tensor, "tile hidden"]) -> Parts:
        """Return attention and the term of each tile."""
        size = len(embedded)
        attention = self.gated.weights(embedded)
        return Parts(attention=attention[:, 0], credit=self.say(attention * size * embedded) / size)
