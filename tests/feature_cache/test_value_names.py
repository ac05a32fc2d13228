from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_cache.entry import EntryDraft
from feature_cache.errors import CacheError
from feature_cache.store import FeatureCache
from feature_cache.value_names import pack_names, unpack_names

lines = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]))


@given(st.lists(lines, max_size=8))
def test_names_come_back(names: list[str]) -> None:
    assert unpack_names(pack_names(names)) == tuple(names)


@pytest.mark.parametrize("names", [["a\nb"], ["\n"], ["\ud800"]])
def test_what_is_no_line_of_text_is_refused(names: list[str]) -> None:
    with pytest.raises(CacheError, match="expected names in UTF-8, one a line"):
        pack_names(names)


@pytest.mark.parametrize(
    "packed",
    [
        np.frombuffer(b"a", dtype=np.uint8),
        np.frombuffer(b"\xff\n", dtype=np.uint8),
        np.zeros((1, 1), dtype=np.uint8),
        np.array([10], dtype=np.int64),
    ],
)
def test_other_arrays_are_refused(packed: np.ndarray) -> None:
    with pytest.raises(CacheError):
        unpack_names(packed)


@pytest.mark.parametrize(("names", "fits"), [("abcdefghi", True), ("abcdefgh", False)])
def test_a_vector_has_a_name_for_each_value(
    cache: FeatureCache, make_draft: Callable[..., EntryDraft], names: str, fits: bool
) -> None:
    draft = make_draft(kind="vector")
    draft = replace(draft, arrays={**draft.arrays, "names": pack_names(tuple(names))})
    if fits:
        assert cache.commit(draft) == "committed"
        assert unpack_names(cache.read(draft.key).arrays["names"]) == tuple(names)
    else:
        with pytest.raises(CacheError, match="a name for each of 9 values; got 8"):
            cache.commit(draft)
