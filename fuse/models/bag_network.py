"""The network of all bag models: tiles embedded one by one, then an aggregator.

Enters: standardised tiles of several bags, and how they are packed. Leaves: what is said of each bag, for a
head to read.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import nn

from fuse.models.aggregators.aggregator import Aggregator
from fuse.models.aggregators.packing import Packing


class BagNetwork(nn.Module):
    """One layer over each tile, and an aggregator over the tiles of a bag.

    Parameters
    ----------
    dim
        Columns of a tile.
    hidden
        Width of the embedded tile.
    aggregate
        Makes the aggregator of embedded tiles.
    """

    def __init__(self, dim: int, hidden: int, aggregate: Callable[[], Aggregator]) -> None:
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(dim, hidden), nn.ReLU())
        self.aggregator = aggregate()

    def forward(
        self, tiles: Float[torch.Tensor, "tile dim"], packing: Packing
    ) -> Float[torch.Tensor, "bag output"]:
        """Return what is said of packed bags."""
        said: torch.Tensor = self.aggregator(self.embed(tiles), packing)
        return said
