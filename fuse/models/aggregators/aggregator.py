"""What every aggregator offers, and the form that most have: a weighted mean of tiles, then one linear layer.

Enters: embedded tiles of several bags, and how they are packed. Leaves: what the network says of each bag; of
one bag alone also how much each tile counts and what it adds. A weighted mean splits into its tiles
without a remainder, so the credit of a tile is exact.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import nn

from fuse.models.aggregators.packing import Packing


@dataclass(frozen=True, kw_only=True)
class Parts:
    """One bag tile by tile.

    `attention` sums to 1. The sum of `credit` over the tiles is what is said of the bag; None where an
    aggregator cannot tell the tiles apart exactly.
    """

    attention: Float[torch.Tensor, " tile"]
    credit: Float[torch.Tensor, "tile output"] | None = None


class Aggregator(nn.Module, ABC):
    """Tiles of bags in, `outputs` numbers a bag out."""

    @abstractmethod
    def forward(
        self, embedded: Float[torch.Tensor, "tile hidden"], packing: Packing
    ) -> Float[torch.Tensor, "bag output"]:
        """Return what is said of each bag, float32."""

    @abstractmethod
    def parts(self, embedded: Float[torch.Tensor, "tile hidden"]) -> Parts:
        """Return one bag tile by tile."""


class WeightedMean(Aggregator):
    """Pools by weights that sum to 1 over the tiles of a bag, the same or others for each hidden unit.

    Parameters
    ----------
    hidden
        Columns of an embedded tile.
    outputs
        Numbers that the head wants for a bag.
    dropout
        Share of the pooled columns that a training step leaves out.
    """

    def __init__(self, hidden: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, outputs, bias=False)

    @abstractmethod
    def pool(
        self, embedded: Float[torch.Tensor, "tile hidden"], packing: Packing
    ) -> Float[torch.Tensor, "bag hidden"]:
        """Return the weighted mean of each bag."""

    @abstractmethod
    def weights(self, embedded: Float[torch.Tensor, "tile hidden"]) -> Float[torch.Tensor, "tile unit"]:
        """Return the weights in one bag: one column, or one for each hidden unit."""

    def forward(
        self, embedded: Float[torch.Tensor, "tile hidden"], packing: Packing
    ) -> Float[torch.Tensor, "bag output"]:
        """Return what is said of each bag."""
        said: torch.Tensor = self.output(self.dropout(self.pool(embedded, packing)))
        return said.float()

    def parts(self, embedded: Float[torch.Tensor, "tile hidden"]) -> Parts:
        """Return the mean weight of each tile over the units, and the share of the output that is its own."""
        weights = self.weights(embedded)
        return Parts(attention=weights.mean(dim=1), credit=self.output(weights * embedded))
