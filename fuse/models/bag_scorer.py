"""A trained bag network as a scorer: each case alone, all its tiles, in an order that no file decides.

Enters: cases with bags. Leaves: their risk, the attention of their tiles, and what each tile contributes. The
tiles are put into canonical order first, so that permuting them changes no bit of a risk.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from feature_cache.errors import OutcomeError
from fuse.cases import Cases
from fuse.features.tile_order import canonical_order
from fuse.models.heads.head import Head
from fuse.models.learner import spread
from fuse.models.tile_scale import TileScale, bags_of
from fuse.training import one_thread

if TYPE_CHECKING:
    import torch

    from fuse.models.aggregators.aggregator import Parts
    from fuse.models.bag_network import BagNetwork

#: Tiles that are embedded at once: what a bag of any size needs in memory beside its embedded tiles.
_AT_ONCE = 8192


@dataclass(frozen=True, kw_only=True)
class BagScorer:
    """A trained network with the standardisation of its tiles, centred on the train part."""

    model: str
    modality: str
    network: BagNetwork
    scale: TileScale
    head: Head
    mean: float | Float[np.ndarray, " class"] = 0.0

    def centred(self, train: Cases) -> BagScorer:
        """Return the scorer whose mean risk over the train part is 0."""
        return replace(self, mean=self.risk(train).mean(axis=0))

    def risk(self, cases: Cases) -> Float[np.ndarray, " case *classes"]:
        """Return the risk of the head; 0.0 for cases without tiles. Each bag is scored alone."""
        bags = bags_of(cases, self.modality, self.model)
        present = bags.stop > bags.start
        with one_thread():
            said = [self._said(cases, int(row)) for row in np.flatnonzero(present)]
        if not said:
            return np.zeros((len(cases), *np.shape(self.mean)))
        return spread(np.concatenate([self.head.risk(row[None]) - self.mean for row in said]), present)

    def attention(self, cases: Cases, row: int) -> Float[np.ndarray, " tile"]:
        """Return the attention of the tiles of case `row`, in the order of its bag; it sums to 1."""
        order, parts = self._parts(cases, row)
        if parts is None:
            return np.empty(0)
        return _back(parts.attention.numpy().astype(np.float64), order)

    def contributions(self, cases: Cases, row: int) -> Float[np.ndarray, " tile"]:
        """Return what each tile of case `row` adds to its risk; the sum is the case's risk.

        Raises
        ------
        OutcomeError
            The aggregator has no exact credit, or the head's risk is no weighted sum.
        """
        order, parts = self._parts(cases, row)
        if parts is None:
            return np.empty(0)
        if parts.credit is None:
            raise self._no_credit("an aggregator that tells tiles apart", "one that mixes them")
        credit = parts.credit.numpy().astype(np.float64)
        start, slope = self._affine(credit.sum(axis=0))
        shared = parts.attention.numpy().astype(np.float64)
        return _back(credit @ slope + shared / shared.sum() * (start - self.mean), order)

    def _affine(self, said: Float[np.ndarray, " output"]) -> tuple[float, Float[np.ndarray, " output"]]:
        """Return start and slope of a head whose risk is a weighted sum of what is said."""
        zero = np.zeros((1, len(said)))
        start = self.head.risk(zero)
        slope = np.array([self.head.risk(unit[None])[0] for unit in np.eye(len(said))]) - start
        if start.ndim > 1 or not np.isclose(self.head.risk(said[None])[0], start[0] + slope @ said):
            raise self._no_credit("a head whose risk is a sum (cox, aft, binary)", type(self.head).__name__)
        return float(start[0]), slope

    def _no_credit(self, expected: str, got: str) -> OutcomeError:
        return OutcomeError(
            f"contributions of tiles, {self.model}",
            expected=expected,
            got=got,
            remedy="Show the attention instead, or use attention_mil or additive_mil with another head.",
        )

    def _said(self, cases: Cases, row: int) -> Float[np.ndarray, " output"]:
        """Return what the network says of a case: the sum of its tiles' credit where there is one."""
        import torch

        from fuse.models.aggregators.packing import Packing

        _, embedded = self._embedded(cases, row)
        with torch.no_grad():
            credit = self.network.aggregator.parts(embedded).credit
            if credit is not None:
                return np.asarray(credit.numpy().astype(np.float64).sum(axis=0))
            said = self.network.aggregator(embedded, Packing(sizes=(len(embedded),)))
        return np.asarray(said.numpy()[0], dtype=np.float64)

    def _parts(self, cases: Cases, row: int) -> tuple[Int[np.ndarray, " tile"], Parts | None]:
        import torch

        with one_thread(), torch.no_grad():
            order, embedded = self._embedded(cases, row)
            return order, self.network.aggregator.parts(embedded) if len(order) else None

    def _embedded(self, cases: Cases, row: int) -> tuple[Int[np.ndarray, " tile"], torch.Tensor]:
        """Return the canonical order of a case's tiles and the embedded tiles in that order."""
        import torch

        tiles = bags_of(cases, self.modality, self.model).of(row)
        order = canonical_order(tiles)
        with torch.no_grad():
            embedded = [
                self.network.embed(self.scale.apply(tiles[order[start : start + _AT_ONCE]]))
                for start in range(0, len(order), _AT_ONCE)
            ]
        return order, torch.cat(embedded) if embedded else torch.empty(0, 0)


def _back(values: Float[np.ndarray, " tile"], order: Int[np.ndarray, " tile"]) -> Float[np.ndarray, " tile"]:
    """Return values of tiles in canonical order as the bag lists its tiles."""
    placed = np.empty_like(values)
    placed[order] = values
    return placed
