from __future__ import annotations

from hashlib import blake2b

import numpy as np
import pytest

from extract.notes.hashed_ngrams import hashed_ngrams


def test_one_token_by_hand() -> None:
    number = int.from_bytes(blake2b(b"psa", digest_size=8).digest(), "little")
    expected = np.zeros(64, dtype=np.float32)
    expected[(number >> 1) % 64] = 1.0 if number & 1 else -1.0
    np.testing.assert_array_equal(hashed_ngrams(["psa"], 64, 2), expected)


def test_counts_are_dampened() -> None:
    vector = hashed_ngrams(["a", "a", "a", "b"], 4096, 1)
    assert sorted(np.abs(vector[vector != 0])) == pytest.approx(
        np.array([1.0, 1 + np.log(3)]) / np.hypot(1.0, 1 + np.log(3))
    )


def test_order_of_words_matters_through_pairs_alone() -> None:
    forward, backward = ["no", "pain"], ["pain", "no"]
    np.testing.assert_array_equal(hashed_ngrams(forward, 512, 1), hashed_ngrams(backward, 512, 1))
    assert not np.array_equal(hashed_ngrams(forward, 512, 2), hashed_ngrams(backward, 512, 2))


def test_length_is_one_and_nothing_gives_zero() -> None:
    vector = hashed_ngrams(["a", "b", "c"], 512, 2)
    assert vector.dtype == np.float32 and np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
    assert not hashed_ngrams([], 512, 2).any()
