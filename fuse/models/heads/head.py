"""What every head offers to the networks that end in it.

Enters: the outcomes of a train part, from which a head is made (time bins, scales: the train part's own).
Leaves: how many numbers a network must give for a case, their loss against those outcomes, and the risk that
they amount to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from jaxtyping import Float, Int

if TYPE_CHECKING:
    import torch


class Head(Protocol):
    """One kind of last layer, made for one train part."""

    #: Numbers that the network gives for a case.
    width: int

    def loss(self, output: torch.Tensor, rows: Int[np.ndarray, " k"]) -> torch.Tensor:
        """Return the mean loss of cases `rows` of the train part.

        `output` (k, width) float32 is what the network said of them. Without anything to learn from (no
        event among them, for Cox) the loss is 0 and its gradient too.
        """

    def risk(self, output: Float[np.ndarray, "case width"]) -> Float[np.ndarray, " case"]:
        """Return one number a case, higher = earlier or more likely; a row alone decides about its own.

        Of several classes, (case, class) log probabilities.
        """
