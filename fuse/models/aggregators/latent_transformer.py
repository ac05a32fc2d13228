"""A Transformer over the tiles of a bag that costs no more than their number: TransMIL's idea, exact.

Shao et al. 2021 (arXiv 2106.00908) let all tiles of a slide attend to each other, approximated by Nystrom's
method over landmarks, with convolutions over tiles laid out in a made-up square. Here a few learned tokens
read the tiles (Jaegle et al. 2021, arXiv 2103.03206), the tiles read the tokens, and a class token reads the
tiles: tiles hear of each other through as many tokens as TransMIL has landmarks for less. Nothing is
approximated and there is no square: the order of the tiles has no influence. Positions are not used.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import nn

from fuse.models.aggregators.aggregator import Aggregator, Parts
from fuse.models.aggregators.packing import Packing

LATENTS = 8


class LatentTransformer(Aggregator):
    """Two rounds of attention over tiles, with a normalised residual around each."""

    def __init__(self, hidden: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.latents = nn.Parameter(torch.randn(LATENTS, hidden) / hidden**0.5)
        self.token = nn.Parameter(torch.randn(1, hidden) / hidden**0.5)
        self.gather = _Read(hidden)
        self.share = nn.Linear(hidden, 2 * hidden)
        self.ask = nn.Linear(hidden, hidden)
        self.first, self.second = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.decide = _Read(hidden)
        self.last = nn.LayerNorm(hidden)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, outputs, bias=False)

    def forward(
        self, embedded: Float[torch.Tensor, "tile hidden"], packing: Packing
    ) -> Float[torch.Tensor, "bag output"]:
        """Return what the class token says after it has read the tiles."""
        tiles = self._heard(embedded, packing)
        read, _ = self.decide(self.token, self.second(tiles), packing)
        said: torch.Tensor = self.output(self.dropout(self.last(self.token + read[:, 0])))
        return said.float()

    def parts(self, embedded: Float[torch.Tensor, "tile hidden"]) -> Parts:
        """Return how much of each tile the class token reads; tiles speak through each other: no credit."""
        packing = Packing(sizes=(len(embedded),))
        tiles = self._heard(embedded, packing)
        _, weights = self.decide(self.token, self.second(tiles), packing)
        return Parts(attention=weights[:, 0])

    def _heard(
        self, embedded: Float[torch.Tensor, "tile hidden"], packing: Packing
    ) -> Float[torch.Tensor, "tile hidden"]:
        """Return the tiles after they have read what the latents gathered from their bag."""
        normal = self.first(embedded)
        gathered, _ = self.gather(self.latents, normal, packing)
        key, value = self.share(self.latents + gathered).chunk(2, dim=2)
        asked = self.ask(normal).split(packing.sizes)
        # bag by bag: each tile's own softmax over the latents
        heard = [
            torch.softmax(asks @ keys.T / keys.shape[1] ** 0.5, dim=1) @ values
            for asks, keys, values in zip(asked, key, value, strict=True)
        ]
        return embedded + torch.cat(heard)


class _Read(nn.Module):
    """Tokens read the tiles of each bag: softmax over the tiles, one head."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.query = nn.Linear(hidden, hidden, bias=False)
        self.key_and_value = nn.Linear(hidden, 2 * hidden)

    def forward(
        self, tokens: torch.Tensor, tiles: torch.Tensor, packing: Packing
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what each token reads of each bag (bag, token, hidden) and the weights (tile, token)."""
        key, value = self.key_and_value(tiles).chunk(2, dim=1)
        score = key @ self.query(tokens).T / tiles.shape[1] ** 0.5
        weights = torch.stack([packing.softmax(column) for column in score.T], dim=1)
        return packing.weighted(weights, value), weights
