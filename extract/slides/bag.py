"""The rows that one encoder makes of the tiles of a slide.

Enters: batches of pixels with their rows. Leaves: one matrix in the type that is stored. It is all that grows
with a slide; of an encoder that serves several slides, two batches at most wait for an answer. What an
encoder cannot do ends its own bag and not those of the other encoders of the pass.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt8

from extract.encoders.card import EncoderCard, TileEncoder
from extract.encoders.feeding import FedEncoder, Ticket
from extract.steps import step
from feature_cache.errors import BraidError

#: Tiles of one slide that an encoder may have at once: two batches of a GPU.
_MOST_PENDING = 128

Rows = Int[np.ndarray[Any, Any], " tile"]


class Bag:
    """Rows as they are made; NaN where there is none."""

    def __init__(self, card: EncoderCard, encoder: TileEncoder, mpp: float) -> None:
        self.encoder, self._mpp = encoder, mpp
        self._feeder = encoder.feeder if isinstance(encoder, FedEncoder) else None
        self._dtype = np.dtype(card.stored_dtype)
        self._pending: deque[tuple[Rows, Ticket]] = deque()
        self._embeddings = np.empty((0, len(encoder.feature_names)), dtype=self._dtype)
        self.error: BraidError | None = None

    def begin(self, tiles: int) -> None:
        """Make room for so many rows."""
        self._embeddings = np.full((tiles, len(self.encoder.feature_names)), np.nan, dtype=self._dtype)

    def add(self, rows: Rows, pixels: UInt8[np.ndarray[Any, Any], "tile height width 3"]) -> None:
        """Encode some tiles; an error is kept, and everything later left out."""
        if self.error is not None:
            return
        try:
            if self._feeder is not None:
                self._pending.append((rows, self._feeder.submit(pixels)))
                self._take_in(_MOST_PENDING)
            else:
                with step("encode"):
                    self._embeddings[rows] = self.encoder.encode(pixels, self._mpp)
        except BraidError as error:
            self._give_up(error)

    def finish(self) -> Float[np.ndarray[Any, Any], "tile dim"]:
        """Return the embeddings, all there.

        Raises
        ------
        BraidError
            What the encoder said when it could not go on.
        """
        if self.error is None:
            try:
                self._take_in(0)
            except BraidError as error:
                self._give_up(error)
        if self.error is not None:
            raise self.error
        return self._embeddings

    def _take_in(self, left: int) -> None:
        while sum(len(rows) for rows, _ in self._pending) > left:
            rows, ticket = self._pending.popleft()
            self._embeddings[rows] = ticket.rows()

    def _give_up(self, error: BraidError) -> None:
        self.error = error
        self._pending.clear()
