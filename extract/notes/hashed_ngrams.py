"""A note encoder without weights: signed hashed counts of one- and two-token sequences.

Enters: a text. Leaves: a unit vector a chunk. The hash is fixed, so the encoder has no state and learns
nothing across cases. The text is not stored, but it is not secret either: the hash is public and has no salt,
so whoever has a vector can test whether a guessed word is in it (and the sha256 that an entry keeps of a
short note confirms a guess of the whole). A cache of notes is to be guarded like the notes.
Source: Weinberger et al., Feature hashing for large scale multitask learning, ICML 2009 (signed hashing).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field

from extract.encoders.card import EncoderCard
from extract.notes.chunks import char_spans, chunk_spans, normalise, token_spans
from extract.notes.encoder import EncodedNote, NotesBlock
from feature_cache.canonical import Json


class HashedNgramsBlock(NotesBlock):
    """The `notes` block of this encoder; tokens are words, `dim` left out is the card's."""

    encoder: Literal["hashed_ngrams"] = "hashed_ngrams"
    dim: int | None = Field(default=None, ge=8, le=65536)
    longest: int = Field(default=2, ge=1, le=5)
    chunk_tokens: int = Field(default=256, ge=8)
    overlap_tokens: int = Field(default=32, ge=0)


class HashedNgrams:
    """The encoder as loaded; there is nothing to hold."""

    used: ClassVar[dict[str, Json]] = {}

    def encode(self, text: str, block: HashedNgramsBlock) -> EncodedNote:
        """Cut a text into chunks of words and encode each: (chunk, dim) float32."""
        assert block.dim is not None  # resolved
        spans = token_spans(text)
        tokens = [normalise(text[start:stop]) for start, stop in spans]
        chunks = chunk_spans(len(tokens), block.chunk_tokens, block.overlap_tokens)
        rows = [hashed_ngrams(tokens[start:stop], block.dim, block.longest) for start, stop in chunks]
        return EncodedNote(embeddings=np.stack(rows), char_span=char_spans(spans, chunks), tokens=len(tokens))


def load_hashed_ngrams(card: EncoderCard, weights: None) -> HashedNgrams:
    """Return the encoder behind the card; there are no weights to load."""
    del card, weights
    return HashedNgrams()


def hashed_ngrams(tokens: Sequence[str], dim: int, longest: int) -> Float[np.ndarray, " dim"]:
    """Encode one chunk.

    Parameters
    ----------
    tokens
        Normalised tokens in reading order.
    dim
        Length of the vector.
    longest
        Longest sequence of tokens that is counted (2 = single tokens and pairs).

    Returns
    -------
    (dim,) float32
        Sum over sequences of sign * (1 + ln count), scaled to length 1; zero without a token.
    """
    counts = Counter(
        "\x1f".join(tokens[start : start + width])
        for width in range(1, longest + 1)
        for start in range(len(tokens) - width + 1)
    )
    vector = np.zeros(dim, dtype=np.float64)
    for sequence, count in sorted(counts.items()):
        bucket, sign = _place(sequence, dim)
        vector[bucket] += sign * (1.0 + np.log(count))
    norm = float(np.linalg.norm(vector))
    return (vector / norm if norm > 0 else vector).astype("<f4")


@lru_cache(maxsize=1 << 16)
def _place(sequence: str, dim: int) -> tuple[int, float]:
    number = int.from_bytes(blake2b(sequence.encode(), digest_size=8).digest(), "little")
    return (number >> 1) % dim, 1.0 if number & 1 else -1.0
