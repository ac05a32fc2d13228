"""The mean of a slide's tiles: needs no weights and runs on any encoder; the line to beat."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from extract.encoders.card import EncoderCard
from extract.encoders.weights import Weights
from extract.slide_vector.encoder import TileBag
from feature_cache.canonical import Json


class Mean:
    """See `SlideEncoder`; a bag of any size, in the memory of the bag alone."""

    feature_names = None

    def __init__(self) -> None:
        self.used: dict[str, Json] = {}

    def encode(self, bag: TileBag) -> Float[np.ndarray[Any, Any], " dim"]:
        """Return the mean of all rows in float64."""
        mean: Float[np.ndarray[Any, Any], " dim"] = bag.embeddings.mean(axis=0, dtype=np.float64)
        return mean


def load(card: EncoderCard, weights: Weights | None) -> Mean:
    """Return the encoder."""
    return Mean()
