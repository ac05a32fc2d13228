"""A note encoder without weights: signed hashed counts of one- and two-token sequences.

Enters: the tokens of a chunk. Leaves: a unit vector. The hash is fixed, so the encoder has no state and
learns nothing across cases. The text is not stored, but it is not secret either: the hash is public and has
no salt, so whoever has a vector can test whether a guessed word is in it (and the sha256 that an entry keeps
of a short note confirms a guess of the whole). A cache of notes is to be guarded like the notes.
Source: Weinberger et al., Feature hashing for large scale multitask learning, ICML 2009 (signed hashing).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from jaxtyping import Float

from extract.encoders.card import EncoderCard

#: Normalised tokens, length of the vector, longest sequence -> vector of one chunk.
ChunkEncoder = Callable[[Sequence[str], int, int], Float[np.ndarray, " dim"]]


def load_hashed_ngrams(card: EncoderCard, weights: None) -> ChunkEncoder:
    """Return the encoder behind the card; there are no weights to load."""
    del card, weights
    return hashed_ngrams


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
