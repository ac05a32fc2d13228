"""Several bags in one tensor, and sums, softmax and ranks within each of them.

Enters: how many tiles each bag has. Leaves: a `Packing` and the operations that aggregators are made of. Bags
lie one after the other; nothing is padded unless ranks are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int


@dataclass(frozen=True, kw_only=True)
class Packing:
    """Bag i has `sizes[i]` tiles, at least one, and they follow those of bag i - 1."""

    sizes: tuple[int, ...]

    def __len__(self) -> int:
        """Return the number of bags."""
        return len(self.sizes)

    @cached_property
    def bag(self) -> Int[torch.Tensor, " tile"]:
        """Which bag each tile is of."""
        return torch.repeat_interleave(torch.arange(len(self.sizes)), self.size)

    @cached_property
    def size(self) -> Int[torch.Tensor, " bag"]:
        """How many tiles each bag has."""
        return torch.tensor(self.sizes, dtype=torch.int64)

    @cached_property
    def place(self) -> Int[torch.Tensor, " tile"]:
        """Where each tile stands in its bag, from 0."""
        start = torch.cumsum(self.size, 0) - self.size
        return torch.arange(int(self.size.sum())) - start[self.bag]

    def sum(self, values: Float[torch.Tensor, "tile column"]) -> Float[torch.Tensor, "bag column"]:
        """Return the sums over the tiles of each bag, float32."""
        total = torch.zeros(len(self), values.shape[1])
        return total.index_add(0, self.bag, values.float())

    def weighted(
        self, weights: Float[torch.Tensor, "tile weight"], values: Float[torch.Tensor, "tile column"]
    ) -> Float[torch.Tensor, "bag weight column"]:
        """Return the weighted sums over the tiles of each bag: one small product of matrices a bag."""
        sizes = list(self.sizes)
        pairs = zip(torch.split(weights, sizes), torch.split(values, sizes), strict=True)
        return torch.stack([own.T @ column for own, column in pairs])

    def softmax(self, score: Float[torch.Tensor, " tile"]) -> Float[torch.Tensor, " tile"]:
        """Return weights that sum to 1 in each bag, float32."""
        score = score.float()
        highest = torch.full((len(self),), -torch.inf).scatter_reduce(0, self.bag, score.detach(), "amax")
        weight = torch.exp(score - highest[self.bag])
        total = torch.zeros(len(self)).index_add(0, self.bag, weight)
        return weight / total[self.bag]

    def pad(
        self, values: Float[torch.Tensor, "tile column"], fill: float
    ) -> Float[torch.Tensor, "bag column place"]:
        """Return the bags side by side, as long as the largest; `fill` stands where a bag has no tile."""
        widest = max(self.sizes)
        padded = torch.full((len(self), widest, values.shape[1]), fill)
        padded[self.bag, self.place] = values.float()
        return padded.transpose(1, 2).contiguous()

    def highest_mean(
        self, values: Float[torch.Tensor, "tile column"], count: Int[torch.Tensor, " bag"]
    ) -> Float[torch.Tensor, "bag column"]:
        """Return, column by column, the mean of the `count` highest values of each bag."""
        highest = torch.topk(self.pad(values, -torch.inf), int(count.max()), dim=2).values
        counted = torch.arange(highest.shape[2]) < count[:, None]
        return torch.where(counted[:, None], highest, 0.0).sum(dim=2) / count[:, None]
