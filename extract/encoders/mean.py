"""The card of the mean over a slide's tiles; its code lives with the slide vectors (extract/slide_vector)."""

from __future__ import annotations

from extract.encoders.card import EncoderCard

CARD = EncoderCard(
    name="mean",
    title="Mean of the valid tiles of a slide, of any tile encoder",
    modality="slide_vector",
    dim=None,
    precision="f64",
    licence="Apache-2.0",
    commercial=True,
    loader="extract.slide_vector.mean:load",
    source="DESIGN section 3",
)
