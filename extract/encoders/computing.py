"""Where the network of a volume encoder computes, and how its tokens come back from there.

Enters: a card, the tensors of its network, tokens that the network made. Leaves: the tensors on the device of
this process; the tokens as rows in f32 on the host, refused where they cannot be stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32

from extract.encoders.card import EncoderCard
from extract.encoders.networks import computed_with, refuse_unstorable
from extract.encoders.same_bits import same_bits
from feature_cache.canonical import Json

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Computing:
    """How the network of a card computes in this process; `used` is what an entry says of it."""

    card: EncoderCard
    used: dict[str, Json]

    @classmethod
    def of(cls, card: EncoderCard) -> Computing:
        """Look which device there is."""
        return cls(card=card, used=computed_with(card))

    @property
    def device(self) -> str:
        """Where tensors are put, in torch's word."""
        return str(self.used["device"])

    def bring(self, state: Mapping[str, Tensor], names: Iterable[str]) -> dict[str, Tensor]:
        """Return the tensors of these names, on the device."""
        return {name: state[name].to(self.device) for name in names}

    def same_bits(self) -> AbstractContextManager[None]:
        """Compute in the card's precision, and so that the same series gives the same bits every time."""
        return same_bits(self.device, self.card.precision)

    def rows(self, parts: Iterable[Tensor]) -> Float32[np.ndarray[Any, Any], "token dim"]:
        """Return tokens on the host, one row each.

        Parameters
        ----------
        parts
            (…, dim), tokens in the order of the axes before the last. Each is taken from the device before
            the next is asked for, so that a series need not lie there whole.

        Raises
        ------
        SourceError
            Some rows hold something that is no number, or too large for the f16 that is stored.
        """
        rows = np.concatenate([part.flatten(0, -2).float().cpu().numpy() for part in parts])
        refuse_unstorable(rows, self.card.name)
        return rows


def numbered(dim: int) -> tuple[str, ...]:
    """Name features that have no names of their own.

    Examples
    --------
    >>> numbered(2)
    ('feature_0', 'feature_1')
    """
    return tuple(f"feature_{number}" for number in range(dim))
