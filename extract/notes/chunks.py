"""Tokens of a note and the overlapping chunks they make: pure text geometry.

Enters: a text. Leaves: spans of tokens in characters of that text, and spans of chunks in tokens.
Words count as tokens, numbers with their decimals, and each Han character (Chinese has no spaces).
"""

from __future__ import annotations

import re
import unicodedata

import numpy as np
from jaxtyping import Int

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_HAN}]|\d+(?:[.,]\d+)*|[^\W\d_{_HAN}]+")


def token_spans(text: str) -> Int[np.ndarray, "token 2"]:
    """Return the first and last-plus-one character of each token, i4.

    Examples
    --------
    >>> token_spans("PSA 7.1").tolist()
    [[0, 3], [4, 7]]
    """
    spans = [match.span() for match in _TOKEN.finditer(text)]
    return np.array(spans, dtype="<i4").reshape(-1, 2)


def normalise(token: str) -> str:
    """Return a token as it is compared: compatibility forms unified (NFKC), lower case."""
    return unicodedata.normalize("NFKC", token).lower()


def chunk_spans(n_tokens: int, length: int, overlap: int) -> Int[np.ndarray, "chunk 2"]:
    """Cut tokens into chunks of `length` that share `overlap` tokens with the one before, i4.

    Every token is in at least one chunk; the last chunk may be shorter, and ends where the text ends.
    """
    step = length - overlap
    starts = range(0, max(n_tokens - overlap, 1), step)
    spans = [(start, min(start + length, n_tokens)) for start in starts]
    return np.array(spans, dtype="<i4").reshape(-1, 2)


def char_spans(
    tokens: Int[np.ndarray, "token 2"], chunks: Int[np.ndarray, "chunk 2"]
) -> Int[np.ndarray, "chunk 2"]:
    """Return the first and last-plus-one character of each chunk, i4, from those of its tokens."""
    return np.stack([tokens[chunks[:, 0], 0], tokens[chunks[:, 1] - 1, 1]], axis=1).astype("<i4")
