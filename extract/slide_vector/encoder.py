"""A slide encoder: the tile embeddings of one slide in, one vector out.

Enters: the valid tiles of a bag. Leaves: `SlideEncoder`, which the stage calls, and `SlideNetwork`, what all
networks among them share. They see a whole slide at once, and the memory of some grows with the square of its
tiles: above `most_tiles` a bag is thinned evenly, the same way every time, and the entry says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from jaxtyping import Float, Int

from extract.encoders.card import EncoderCard
from extract.encoders.networks import computed_with, refuse_unstorable, same_bits
from feature_cache.canonical import Json

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class TileBag:
    """The valid tiles of one slide: embeddings and top-left corner of each, the side of all."""

    embeddings: Float[np.ndarray[Any, Any], "tile dim"]
    xy_px0: Int[np.ndarray[Any, Any], "tile 2"]
    tile_px0: tuple[float, float]

    def columns_and_rows(self) -> Int[np.ndarray[Any, Any], "tile 2"]:
        """Return the place of each tile on the grid, counted from its leftmost column and topmost row."""
        offsets = self.xy_px0 - self.xy_px0.min(axis=0)
        places: Int[np.ndarray[Any, Any], "tile 2"] = np.rint(offsets / np.array(self.tile_px0)).astype(
            np.int64
        )
        return places

    def thinned(self, most_tiles: int) -> TileBag:
        """Return the bag, or so many of its tiles, evenly spaced in their order.

        Examples
        --------
        >>> bag = TileBag(embeddings=np.arange(5.0)[:, None], xy_px0=np.zeros((5, 2), int), tile_px0=(1, 1))
        >>> bag.thinned(3).embeddings[:, 0]
        array([0., 2., 4.])
        """
        count = len(self.embeddings)
        if count <= most_tiles:
            return self
        kept = np.linspace(0, count - 1, most_tiles).round().astype(np.int64)
        return replace(self, embeddings=self.embeddings[kept], xy_px0=self.xy_px0[kept])


class SlideEncoder(Protocol):
    """A loaded slide encoder. `feature_names` is None where the tiles' own names stay."""

    feature_names: tuple[str, ...] | None
    used: dict[str, Json]

    def encode(self, bag: TileBag) -> Float[np.ndarray[Any, Any], " dim"]:
        """Return one vector of a slide with at least one tile."""


class SlideNetwork:
    """A network as `SlideEncoder`. `forward` takes (1, tile, dim) and the places (1, tile, 2) to (1, dim)."""

    def __init__(self, card: EncoderCard, network: Any, forward: Callable[[Tensor, Tensor], Tensor]) -> None:
        assert card.dim is not None
        self.used = computed_with(card)
        self._card, self._forward, self._device = card, forward, str(self.used["device"])
        network.eval().requires_grad_(False).to(self._device)
        self.feature_names = tuple(f"{card.name}_{number}" for number in range(card.dim))

    def encode(self, bag: TileBag) -> Float[np.ndarray[Any, Any], " dim"]:
        """Return (dim,) float32.

        Raises
        ------
        SourceError
            The network gave something that is no number, or too large to be stored.
        """
        import torch

        with same_bits(self._device, self._card.precision):
            tiles = torch.from_numpy(bag.embeddings.astype(np.float32)).to(self._device)[None]
            places = torch.from_numpy(bag.columns_and_rows()).to(self._device)[None]
            vector: Float[np.ndarray[Any, Any], " dim"] = (
                self._forward(tiles, places).float().cpu().numpy().reshape(-1)
            )
        if len(vector) != self._card.dim:
            raise ValueError(f"{self._card.name} gave {len(vector)} numbers, its card says {self._card.dim}")
        refuse_unstorable(vector[None], self._card.name)
        return vector
