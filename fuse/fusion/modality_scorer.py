"""A trained network of modalities as a scorer: each case alone, so that no other one changes a bit of it.

Enters: cases. Leaves: the risk of the head, exactly 0.0 for a case without any modality, and for rules that
weigh modalities the weights of each case.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from fuse.cases import Cases
from fuse.fusion.modality_columns import ColumnMaker
from fuse.models.heads.head import Head
from fuse.training import one_thread

if TYPE_CHECKING:
    from fuse.fusion.modality_network import ModalityNetwork, NetworkInput


@dataclass(frozen=True, kw_only=True)
class ModalityScorer:
    """A trained network with what makes its columns; `mean` is the mean risk of the train part."""

    maker: ColumnMaker
    network: ModalityNetwork
    head: Head
    mean: float | Float[np.ndarray, " class"] = 0.0

    def centred(self, train: Cases) -> ModalityScorer:
        """Return the scorer whose mean risk over these cases is 0."""
        return replace(self, mean=self.risk(train).mean(axis=0))

    def risk(self, cases: Cases) -> Float[np.ndarray, " case *classes"]:
        """Return the risk of the head; 0.0 for a case without any of the modalities."""
        shape = self.head.risk(np.zeros((1, self.head.width))).shape[1:]
        risk = np.zeros((len(cases), *shape))
        for row, given in self._each(cases):
            said = self.network(given).numpy().astype(np.float64)
            risk[row] = self.head.risk(said)[0] - self.mean
        return risk

    def _each(self, cases: Cases) -> Iterator[tuple[int, NetworkInput]]:
        """Give the cases that have anything, one at a time, inside what makes sums reproducible."""
        import torch

        from fuse.fusion.modality_steps import of_one

        with one_thread(), torch.no_grad():
            for row in range(len(cases)):
                given = of_one(self.maker, cases, row)
                if given.present.any():
                    yield row, given


@dataclass(frozen=True, kw_only=True)
class WeighingScorer(ModalityScorer):
    """The same of a rule that weighs modalities."""

    def modality_weights(self, cases: Cases) -> dict[str, Float[np.ndarray, " case"]]:
        """Return how much each modality counts in each case, >= 0; exactly 0.0 where it is absent."""
        weights = np.zeros((len(cases), len(self.maker.modalities)))
        for row, given in self._each(cases):
            found = self.network.fused(given).weights
            if found is not None:
                weights[row] = found.numpy()[0]
        return {name: weights[:, place] for place, name in enumerate(self.maker.modalities)}
