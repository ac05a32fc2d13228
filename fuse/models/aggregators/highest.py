"""Top-k and max pooling: each hidden unit reads the tiles that excite it most.

What is seen in few tiles is diluted by a mean and learned from the start here: a unit's highest tiles carry
its gradient. Max pooling is the case of one tile, top-k that of a share of the bag.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int

from fuse.models.aggregators.aggregator import WeightedMean
from fuse.models.aggregators.packing import Packing


class Highest(WeightedMean):
    """The mean of the highest values of each hidden unit.

    Parameters
    ----------
    hidden, outputs, dropout
        As in `WeightedMean`.
    share
        Share of a bag's tiles that each unit reads, one tile at least; 0 is max pooling.
    """

    def __init__(self, hidden: int, outputs: int, dropout: float, share: float) -> None:
        super().__init__(hidden, outputs, dropout)
        self.share = share

    def pool(
        self, embedded: Float[torch.Tensor, "tile hidden"], packing: Packing
    ) -> Float[torch.Tensor, "bag hidden"]:
        """Return the mean of the highest values in each bag."""
        return packing.highest_mean(embedded, self._count(packing.size))

    def weights(self, embedded: Float[torch.Tensor, "tile hidden"]) -> Float[torch.Tensor, "tile hidden"]:
        """Return one part in k for the k tiles that a unit reads, 0 for the others."""
        count = int(self._count(torch.tensor([len(embedded)]))[0])
        highest = torch.topk(embedded, count, dim=0).indices
        return torch.zeros_like(embedded).scatter_(0, highest, 1.0 / count)

    def _count(self, size: Int[torch.Tensor, " bag"]) -> Int[torch.Tensor, " bag"]:
        return torch.clamp(torch.ceil(self.share * size.double() - 1e-9), min=1).to(torch.int64)
