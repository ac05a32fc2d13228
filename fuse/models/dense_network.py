"""The fully connected network: one hidden layer and a straight way past it.

Enters: columns of several cases. Leaves: what a head needs of each, zeros before training.
"""

from __future__ import annotations

import torch
from torch import nn


class DenseNetwork(nn.Module):
    """Linear + one hidden layer of ReLU units with dropout; both end in zeros at first.

    Parameters
    ----------
    columns, hidden, outputs
        Widths of input, hidden layer and output.
    dropout
        Share of the hidden units that a training step leaves out.
    """

    def __init__(self, columns: int, hidden: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.straight = nn.Linear(columns, outputs)
        self.hidden = nn.Sequential(nn.Linear(columns, hidden), nn.ReLU(), nn.Dropout(dropout))
        self.last = nn.Linear(hidden, outputs, bias=False)
        for layer in (self.straight.weight, self.straight.bias, self.last.weight):
            nn.init.zeros_(layer)

    def forward(self, columns: torch.Tensor) -> torch.Tensor:
        """Return (case, output) of (case, column) float32."""
        said: torch.Tensor = self.straight(columns) + self.last(self.hidden(columns))
        return said
