"""The network of attention-MIL: tiles in, one log relative hazard per bag out.

Enters: the tiles of several bags packed into one tensor, and which bag each tile belongs to. Leaves:
attention of each tile (softmax within its bag) and the risk of each bag. The bag's risk is the
attention-weighted sum of what its tiles say, so it splits into contributions of tiles without a remainder.
"""

from __future__ import annotations

import torch
from torch import nn


class GatedAttention(nn.Module):
    """Gated attention pooling (Ilse, Tomczak, Welling 2018, equation 9) with a linear Cox head.

    Parameters
    ----------
    dim
        Columns of a tile.
    hidden
        Width of the embedded tile; the attention has half of it.
    dropout
        Share of the pooled columns that a training step leaves out.
    """

    def __init__(self, dim: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(dim, hidden), nn.ReLU())
        self.content_and_gate = nn.Linear(hidden, hidden)
        self.attend = nn.Linear(hidden // 2, 1, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.hazard = nn.Linear(hidden, 1, bias=False)

    def forward(self, tiles: torch.Tensor, bag: torch.Tensor, n_bags: int) -> torch.Tensor:
        """Return the risk (bag,) of packed bags: tiles (tile, dim) float32, bag (tile,) int64."""
        embedded = self.embed(tiles)
        weighted = self.attention(embedded, bag, n_bags)[:, None] * embedded
        pooled = torch.zeros(n_bags, embedded.shape[1]).index_add(0, bag, weighted)
        risk: torch.Tensor = self.hazard(self.dropout(pooled))[:, 0]
        return risk

    def attention(self, embedded: torch.Tensor, bag: torch.Tensor, n_bags: int) -> torch.Tensor:
        """Return the attention (tile,) of embedded tiles; it sums to 1 in each bag."""
        content, gate = self.content_and_gate(embedded).chunk(2, dim=1)
        score = self.attend(torch.tanh(content) * torch.sigmoid(gate))[:, 0]
        highest = torch.full((n_bags,), -torch.inf).scatter_reduce(0, bag, score.detach(), "amax")
        weight = torch.exp(score - highest[bag])
        total = torch.zeros(n_bags).index_add(0, bag, weight)
        return weight / total[bag]

    def parts_of_one(self, tiles: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return attention and the risk that each tile speaks for, both (tile,), of one bag."""
        embedded = self.embed(tiles)
        bag = torch.zeros(len(tiles), dtype=torch.int64)
        return self.attention(embedded, bag, 1), self.hazard(embedded)[:, 0]
