"""Several endpoints in one network: one head for each, side by side.

Enters: the endpoint that is evaluated and those that stand beside it, each known for some cases. Leaves: the
mean of the endpoints' losses, so that what one endpoint teaches helps the others, and the risk of the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int

from fuse.models.heads.head import Head

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class KnownHead:
    """The head of one endpoint, made from the cases of which its outcome is known."""

    head: Head
    known: Bool[np.ndarray, " case"]

    def loss(self, output: torch.Tensor, rows: Int[np.ndarray, " k"]) -> torch.Tensor:
        """Return the mean loss over those of `rows` whose outcome is known; without one 0.0."""
        import torch

        known = self.known[rows]
        if not known.any():
            return 0.0 * output.sum()
        position = np.cumsum(self.known) - 1
        return self.head.loss(output[torch.from_numpy(known)], position[rows[known]])


class JointHead:
    """Columns of the evaluated endpoint's head first, then those of the others."""

    def __init__(self, evaluated: Head, beside: tuple[KnownHead, ...]) -> None:
        self.evaluated = evaluated
        self.beside = beside
        self.width = evaluated.width + sum(other.head.width for other in beside)

    def loss(self, output: torch.Tensor, rows: Int[np.ndarray, " k"]) -> torch.Tensor:
        """Return the mean of the endpoints' losses."""
        start = self.evaluated.width
        total = self.evaluated.loss(output[:, :start], rows)
        for other in self.beside:
            stop = start + other.head.width
            total = total + other.loss(output[:, start:stop], rows)
            start = stop
        return total / (1 + len(self.beside))

    def risk(self, output: Float[np.ndarray, "case width"]) -> Float[np.ndarray, " case *classes"]:
        """Return the risk of the evaluated endpoint."""
        return self.evaluated.risk(output[:, : self.evaluated.width])
