"""Mean pooling: every tile counts alike."""

from __future__ import annotations

import torch
from jaxtyping import Float

from fuse.models.aggregators.aggregator import WeightedMean
from fuse.models.aggregators.packing import Packing


class Mean(WeightedMean):
    """The mean of the embedded tiles."""

    def pool(
        self, embedded: Float[torch.Tensor, "tile hidden"], packing: Packing
    ) -> Float[torch.Tensor, "bag hidden"]:
        """Return the mean of each bag."""
        return packing.sum(embedded) / packing.size[:, None]

    def weights(self, embedded: Float[torch.Tensor, "tile hidden"]) -> Float[torch.Tensor, "tile 1"]:
        """Return one part in the number of tiles."""
        return torch.full((len(embedded), 1), 1.0 / len(embedded))
