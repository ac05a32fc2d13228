from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.notes.chunks import chunk_spans, normalise, token_spans


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("PSA 7.1 ng/mL, pT3a.", ["PSA", "7.1", "ng", "mL", "pT", "3", "a"]),
        ("阿司匹林100mg qd", ["阿", "司", "匹", "林", "100", "mg", "qd"]),
        ("β-blockers", ["β", "blockers"]),
        (" ... ", []),
    ],
)
def test_tokens(text: str, tokens: list[str]) -> None:
    assert [text[start:stop] for start, stop in token_spans(text)] == tokens


def test_forms_of_one_word_are_one_token() -> None:
    assert normalise("ＰＳＡ") == normalise("psa") == "psa"


@given(n_tokens=st.integers(1, 400), length=st.integers(2, 60), data=st.data())
def test_chunks_cover_every_token_and_overlap_as_stated(
    n_tokens: int, length: int, data: st.DataObject
) -> None:
    overlap = data.draw(st.integers(0, length - 1))
    spans = chunk_spans(n_tokens, length, overlap)
    covered = np.concatenate([np.arange(start, stop) for start, stop in spans])
    assert set(covered) == set(range(n_tokens))
    assert spans[-1, 1] == n_tokens
    assert np.all(spans[1:, 0] == spans[:-1, 1] - overlap)
    assert np.all(np.diff(spans, axis=1) <= length)
