"""Heads for classes: yes or no, and one of several.

Enters: the class of each case. Leaves: log odds, or one log probability a class, learned by cross-entropy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from fuse.outcomes.outcomes import Classes

if TYPE_CHECKING:
    import torch


def log_shares(outcome: Classes) -> Float[np.ndarray, " class"]:
    """Return the log share of each class in a train part; half a case is added to each."""
    count = np.bincount(outcome.label, minlength=len(outcome.names)) + 0.5
    return np.asarray(np.log(count / count.sum()))


class BinaryHead:
    """Logistic regression's likelihood; what a network says is added to the log odds of the train part."""

    width = 1

    def __init__(self, outcome: Classes) -> None:
        self.label = outcome.label
        no, yes = log_shares(outcome)
        self.start = float(yes - no)

    def loss(self, output: torch.Tensor, rows: Int[np.ndarray, " k"]) -> torch.Tensor:
        """Return the mean cross-entropy."""
        import torch
        from torch.nn.functional import binary_cross_entropy_with_logits

        yes = torch.from_numpy(self.label[rows]).to(output.dtype)
        return binary_cross_entropy_with_logits(output[:, 0] + self.start, yes)

    def risk(self, output: Float[np.ndarray, "case width"]) -> Float[np.ndarray, " case"]:
        """Return the log odds of yes."""
        return np.asarray(output[:, 0], dtype=np.float64) + self.start


class MulticlassHead:
    """Multinomial likelihood; what a network says is added to the log shares of the train part."""

    def __init__(self, outcome: Classes) -> None:
        self.label = outcome.label
        self.start = log_shares(outcome)
        self.width = len(self.start)

    def loss(self, output: torch.Tensor, rows: Int[np.ndarray, " k"]) -> torch.Tensor:
        """Return the mean cross-entropy."""
        import torch
        from torch.nn.functional import cross_entropy

        logit = output + torch.from_numpy(self.start).to(output.dtype)
        return cross_entropy(logit, torch.from_numpy(self.label[rows]).to(torch.int64))

    def risk(self, output: Float[np.ndarray, "case width"]) -> Float[np.ndarray, "case width"]:
        """Return the log probability of each class."""
        logit = np.asarray(output, dtype=np.float64) + self.start
        return np.asarray(logit - np.logaddexp.accumulate(logit, axis=1)[:, -1:])
