"""The card of the weight-free note encoder; its code lives with the notes (extract/notes)."""

from __future__ import annotations

from extract.encoders.card import EncoderCard

CARD = EncoderCard(
    name="hashed_ngrams",
    title="Hashed word 1- and 2-grams of overlapping chunks, stateless",
    modality="notes",
    dim=512,
    licence="Apache-2.0",
    commercial=True,
    loader="extract.notes.hashed_ngrams:load_hashed_ngrams",
    source="Weinberger et al. 2009 (feature hashing with signs)",
)
