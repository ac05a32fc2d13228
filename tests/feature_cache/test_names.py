from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from feature_cache.entry import EntryKey
from feature_cache.errors import CacheError
from feature_cache.names import MAX_NAME, ROOMS, decode_name, encode_feature_set, encode_name, entry_path

KEY = EntryKey(
    cohort="chimera",
    modality="slides",
    recipe_name="weightfree",
    recipe_hash="0123456789ab" + "c" * 52,
    case_id="0071",
    item_id="s1",
)
DEVICES = ["CON", "prn", "Aux", "nul.txt", "COM1", "lpt9.tar.gz", "com0"]
ESCAPES = ["..", ".", "../../etc/passwd", "/etc/passwd", "a/b", "a\\b", "C:\\x", "a\0b", "\0", "a\nb"]
SPECIAL = ["~", "a~b", "%2E", "_tmp", "_trash", ".hidden", "x.", "x ", " x", "-rf", "a:b", "a*b?", "|"]
HOSTILE = [*ESCAPES, *SPECIAL, *DEVICES, "é", "e\u0301", "病理", "𝔘", "a" * 300, "病" * 90]
ids = st.text(min_size=1, max_size=200)


def test_ordinary_ids_stay_as_they_are() -> None:
    assert entry_path(KEY) == PurePosixPath("chimera/slides/weightfree-0123456789ab/0071/s1")
    for name in ["TCGA-A1-A0SB", "0071", "case_2", "P0001.slide-1"]:
        assert encode_name(name) == name


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_ids_become_plain_names(name: str) -> None:
    _assert_plain(encode_name(name))


@given(ids)
def test_any_id_becomes_a_plain_name_and_comes_back(name: str) -> None:
    folder = encode_name(name)
    _assert_plain(folder)
    assert decode_name(folder) in (name, None)
    assert (decode_name(folder) is None) == ("~" in folder)


@given(ids, ids)
@example("nul", "%6Eul")
@example("_tmp", "%5Ftmp")
@example("a" * 300, "a" * 301)
@example("é", "e\u0301")
@example("a~b", "a%7Eb")
def test_different_ids_have_different_names(first: str, second: str) -> None:
    assert (encode_name(first) == encode_name(second)) == (first == second)


def test_a_name_that_was_cut_cannot_be_an_id_of_its_own() -> None:
    folder = encode_name("a" * 300)
    assert encode_name(folder) != folder


@given(ids, ids, ids, ids, ids)
def test_every_entry_is_five_folders_deep(
    cohort: str, modality: str, recipe: str, case: str, item: str
) -> None:
    key = replace(KEY, cohort=cohort, modality=modality, recipe_name=recipe, case_id=case, item_id=item)
    path = entry_path(key)
    assert len(path.parts) == 5
    for part in path.parts:
        _assert_plain(part, longest=MAX_NAME + 13)


@given(ids)
def test_a_feature_set_has_one_folder(recipe: str) -> None:
    key = replace(KEY, recipe_name=recipe)
    assert encode_feature_set(key.feature_set) == entry_path(key).parts[2]


@pytest.mark.parametrize("name", ["", "\ud800"])
def test_an_id_that_is_no_text_is_refused(name: str) -> None:
    with pytest.raises(CacheError, match="expected a non-empty text"):
        encode_name(name)


@pytest.mark.parametrize("recipe_hash", ["", "0" * 63, "../" + "0" * 61, "G" * 64, "0" * 64 + "\n"])
def test_a_hash_that_is_none_is_refused(recipe_hash: str) -> None:
    with pytest.raises(CacheError, match="64 hex digits"):
        entry_path(replace(KEY, recipe_hash=recipe_hash))


def _assert_plain(folder: str, longest: int = MAX_NAME) -> None:
    assert 0 < len(folder) <= longest
    assert folder.isascii() and folder.isprintable()
    assert not set(folder) & set(' /\\:*?"<>|')
    assert folder[0] not in "._" and folder[-1] != "."
    assert folder not in ROOMS
    assert folder.split(".")[0].lower() not in {"con", "prn", "aux", "nul", "com1", "lpt9", "com0"}
