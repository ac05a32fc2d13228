"""CLAM's pooling: gated attention whose most and least attended tiles must also be told apart by class.

Lu et al. 2021 (doi 10.1038/s41551-020-00682-w), CLAM-SB: for each class a classifier of tiles; in a bag of
that class the B most attended tiles are its positives and the B least attended its negatives; the most
attended tiles are negatives of the other classes (its option for classes that exclude each other).
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import nn

from fuse.models.aggregators.gated_attention import GatedAttention
from fuse.models.aggregators.packing import Packing


class InstanceAttention(GatedAttention):
    """Gated attention with one two-class linear classifier of tiles for each class of bags.

    Parameters
    ----------
    hidden, outputs, dropout
        As in `WeightedMean`.
    classes
        Classes of bags.
    few
        B; a bag of fewer than 2 B tiles gives half of them to each side.
    """

    def __init__(self, hidden: int, outputs: int, dropout: float, classes: int, few: int) -> None:
        super().__init__(hidden, outputs, dropout)
        self.few = few
        self.judge = nn.Linear(hidden, 2 * classes)

    def instance_losses(
        self,
        embedded: Float[torch.Tensor, "tile hidden"],
        packing: Packing,
        class_of_bag: Int[torch.Tensor, " bag"],
    ) -> Float[torch.Tensor, " bag"]:
        """Return the mean cross-entropy of each bag's judged tiles; 0 where its class is -1 (unknown)."""
        known = torch.nonzero(class_of_bag >= 0)[:, 0]
        score, judged = self.score(embedded.detach()).detach().float(), self.judge(embedded).float()
        losses = torch.zeros(len(packing))
        if not len(known):
            return losses
        start = torch.cumsum(packing.size, 0) - packing.size
        found = [
            self._one(
                score[int(start[bag]) : int(start[bag]) + packing.sizes[int(bag)]],
                judged[int(start[bag]) : int(start[bag]) + packing.sizes[int(bag)]],
                int(class_of_bag[bag]),
            )
            for bag in known
        ]
        return losses.index_copy(0, known, torch.stack(found))

    def _one(
        self, score: Float[torch.Tensor, " tile"], judged: Float[torch.Tensor, "tile column"], own: int
    ) -> Float[torch.Tensor, ""]:
        few = min(self.few, len(score) // 2)
        if few == 0:
            return 0.0 * judged.sum()
        order = torch.argsort(score, descending=True, stable=True)
        classes = judged.reshape(len(score), -1, 2)
        top, bottom = classes[order[:few]], classes[order[-few:]]
        verdict = torch.zeros(few, classes.shape[1], dtype=torch.int64)
        verdict[:, own] = 1
        of_top = nn.functional.cross_entropy(top.reshape(-1, 2), verdict.reshape(-1))
        of_bottom = nn.functional.cross_entropy(bottom[:, own], torch.zeros(few, dtype=torch.int64))
        return (of_top + of_bottom) / 2
