"""The three attentions of the DAE-Former, all linear in the number of tokens.

Enters: tokens (batch, token, channel). Leaves: tokens. Two of them share one formula, the efficient attention
of Shen et al. 2021 (arXiv 1812.01243): queries are normalised over channels and keys over positions, so that
the product of keys and values, a small matrix of channels, can be taken first. The third looks across
channels instead of positions.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

#: Groups of channels that transpose attention treats apart.
HEADS = 8


def attend(queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Return softmax_channel(Q) (softmax_token(K)^T V), the efficient attention of Shen et al.

    Parameters
    ----------
    queries, keys
        (batch, token, key channel).
    values
        (batch, token, value channel).

    Returns
    -------
    Tensor
        (batch, token, value channel): mixtures of a few global contexts, one for each key channel.
    """
    contexts = keys.softmax(dim=1).transpose(1, 2) @ values
    return queries.softmax(dim=2) @ contexts


class EfficientAttention(nn.Module):
    """Spatial self-attention in linear time; one head, as published."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.queries = nn.Linear(width, width)
        self.keys = nn.Linear(width, width)
        self.values = nn.Linear(width, width)
        self.output = nn.Linear(width, width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return (batch, token, channel)."""
        attended = attend(self.queries(tokens), self.keys(tokens), self.values(tokens))
        mixed: torch.Tensor = self.output(attended)
        return mixed


class TransposeAttention(nn.Module):
    """Attention across channels (XCiT, El-Nouby et al. 2021, arXiv 2106.09681), `HEADS` groups of them.

    Queries and keys have length 1 over the tokens, so the map between channels does not grow with the image;
    its sharpness is learnt for each head.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.sharpness = nn.Parameter(torch.ones(HEADS, 1, 1))
        self.queries_keys_values = nn.Linear(width, 3 * width, bias=False)
        self.output = nn.Linear(width, width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return (batch, token, channel)."""
        batch, count, width = tokens.shape
        parted = self.queries_keys_values(tokens).view(batch, count, 3, HEADS, width // HEADS)
        queries, keys, values = parted.permute(2, 0, 3, 4, 1)  # each (batch, head, channel, token)
        queries = functional.normalize(queries, dim=3)
        keys = functional.normalize(keys, dim=3)
        between = (self.sharpness * (queries @ keys.transpose(2, 3))).softmax(dim=3)
        attended = (between @ values).permute(0, 3, 1, 2).reshape(batch, count, width)
        mixed: torch.Tensor = self.output(attended)
        return mixed


class CrossAttention(nn.Module):
    """What the decoder brings from below, gathered where the encoder's tokens say.

    The encoder's tokens are queries and keys, the decoder's are values, none of them projected: as in the
    authors' released code. The result has twice the width, to be added to both side by side.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.output = nn.Linear(width, 2 * width)
        self.norm = nn.LayerNorm(2 * width)

    def forward(self, below: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        """Return (batch, token, 2 x channel)."""
        mixed: torch.Tensor = self.norm(self.output(attend(skip, skip, below)))
        return mixed
