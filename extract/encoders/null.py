"""No encoder: one zero a tile. With it a run costs what reading, measuring and committing cost."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, UInt8

from extract.encoders.card import EncoderCard
from extract.encoders.weights import Weights
from feature_cache.canonical import Json

CARD = EncoderCard(
    name="null",
    title="No encoder, to measure what slides cost without one; its zeros say nothing of a tile",
    modality="slides",
    dim=1,
    input_px=256,
    licence="MIT",
    commercial=True,
    loader="extract.encoders.null:load",
    source="this file",
)


class NullEncoder:
    """The encoder as loaded; it holds no state."""

    feature_names = ("nothing",)
    used: ClassVar[dict[str, Json]] = {}

    def encode(
        self, tiles: UInt8[np.ndarray[Any, Any], "tile height width 3"], mpp: float
    ) -> Float[np.ndarray[Any, Any], "tile 1"]:
        """Return (tile, 1) zeros."""
        return np.zeros((len(tiles), 1), dtype=np.float32)


def load(card: EncoderCard, weights: Weights | None) -> NullEncoder:
    """Return the encoder."""
    return NullEncoder()
