from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from feature_cache.array_format import array_format
from feature_cache.entry import EntryDraft, EntryRecord
from feature_cache.entry_json import MOST_BYTES, seal_document
from feature_cache.errors import CacheError, DamagedEntryError
from feature_cache.names import entry_path
from feature_cache.recipe import ResolvedRecipe
from feature_cache.store import FeatureCache

MakeDraft = Callable[..., EntryDraft]


@pytest.fixture
def drafts(cache: FeatureCache, make_draft: MakeDraft) -> list[EntryDraft]:
    """A cache with two bags and a vector."""
    made = [make_draft("0071", "a"), make_draft("0072", "b", source="more")]
    made.append(make_draft("0071", "clinical", kind="vector"))
    for draft in made:
        cache.commit(draft)
    return made


def _name(draft: EntryDraft) -> str:
    return entry_path(draft.key).as_posix()


def _assert_found(cache: FeatureCache, draft: EntryDraft, part: str) -> None:
    """Check that verify names this entry and no other, and that reading it names entry and part."""
    checks = {check.name: check for check in cache.verify()}
    assert [name for name, check in checks.items() if not check.ok] == [_name(draft)]
    assert part in checks[_name(draft)].problem
    with pytest.raises(DamagedEntryError) as caught:
        cache.read(draft.key)
    assert caught.value.where.startswith(f"{_name(draft)}: ") and part in caught.value.where


def test_sound_entries_have_no_problem(cache: FeatureCache, drafts: list[EntryDraft]) -> None:
    assert sorted(check.name for check in cache.verify()) == sorted(map(_name, drafts))
    assert all(check.ok and not check.problem for check in cache.verify())


def test_random_bit_flips_are_all_found_and_named(cache: FeatureCache, drafts: list[EntryDraft]) -> None:
    rng = np.random.default_rng(20)
    for _ in range(60):
        draft = drafts[rng.integers(len(drafts))]
        files = sorted(path for path in (cache.root / _name(draft)).rglob("*") if path.is_file())
        path = files[rng.integers(len(files))]
        whole = path.read_bytes()
        altered = bytearray(whole)
        bit = int(rng.integers(len(whole) * 8))
        altered[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(altered)
        _assert_found(cache, draft, path.name)
        path.write_bytes(whole)
    assert all(check.ok for check in cache.verify())


@pytest.mark.parametrize("damage", ["cut", "emptied", "deleted", "longer", "a folder", "a link"])
def test_files_that_are_not_as_they_were(
    cache: FeatureCache, drafts: list[EntryDraft], tmp_path: Path, damage: str
) -> None:
    for draft in drafts:
        for path in sorted(path for path in (cache.root / _name(draft)).rglob("*") if path.is_file()):
            whole = path.read_bytes()
            path.unlink()
            if damage in ("cut", "emptied", "longer"):
                path.write_bytes(
                    {"cut": whole[: len(whole) // 2], "emptied": b"", "longer": whole + b"\0"}[damage]
                )
            elif damage == "a folder":
                path.mkdir()
            elif damage == "a link":
                twin = tmp_path / "twin"
                twin.write_bytes(whole)
                path.symlink_to(twin)
            _assert_found(cache, draft, path.name)
            assert not cache.is_done(draft.key, draft.sources)
            path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
            path.write_bytes(whole)
    assert all(check.ok for check in cache.verify())


def test_a_file_too_many(cache: FeatureCache, drafts: list[EntryDraft]) -> None:
    for name, found in [("copy.bin", True), (".DS_Store", False)]:
        path = cache.root / _name(drafts[0]) / name
        path.write_bytes(b"x")
        if found:
            _assert_found(cache, drafts[0], name)
        else:
            assert all(check.ok for check in cache.verify())
        path.unlink()


def test_an_entry_of_another_recipe_is_called_that(
    cache: FeatureCache, drafts: list[EntryDraft], make_draft: MakeDraft
) -> None:
    other = make_draft(mpp=1.0)
    cache.commit(other)
    place = (cache.root / _name(drafts[0])).parent / "moved"
    moved = make_draft(drafts[0].key.case_id, "moved", mpp=1.0)
    cache.commit(moved)
    (cache.root / _name(moved)).rename(place)
    here, there = drafts[0].key.recipe_hash[:12], other.key.recipe_hash[:12]
    (check,) = (check for check in cache.verify() if not check.ok)
    assert check.problem == f"another recipe: expected recipe {here}; got recipe {there}"
    assert check.name not in check.problem


def test_swapped_entries(cache: FeatureCache, drafts: list[EntryDraft]) -> None:
    first, second = (cache.root / _name(draft) for draft in drafts[:2])
    first.rename(cache.root / "aside")
    second.rename(first)
    (cache.root / "aside").rename(second)
    checks = [check for check in cache.verify() if not check.ok]
    assert [check.name for check in checks] == [_name(draft) for draft in drafts[:2]]
    for check, draft in zip(checks, drafts, strict=False):
        assert "ids: expected the ids of this folder" in check.problem
        with pytest.raises(DamagedEntryError, match="those of another entry"):
            cache.read(draft.key)
        assert not cache.is_done(draft.key, draft.sources)


def test_arrays_of_another_entry(cache: FeatureCache, drafts: list[EntryDraft]) -> None:
    first, second = (cache.root / _name(draft) for draft in drafts[:2])
    for name in sorted(path.name for path in second.iterdir() if path.name != "entry.json"):
        (first / name).rename(first.parent / "aside")
        (second / name).rename(first / name)
        (first.parent / "aside").rename(second / name)
    assert [check.ok for check in cache.verify()] == [True, False, False]


def test_a_renamed_feature_set(cache: FeatureCache, drafts: list[EntryDraft]) -> None:
    folder = (cache.root / _name(drafts[0])).parents[1]
    folder.rename(folder.with_name(f"weightfree-{'0' * 12}"))
    assert [check.ok for check in cache.verify()] == [True, False, False]


def test_an_orphan_folder_is_damaged(cache: FeatureCache, make_draft: MakeDraft) -> None:
    draft = make_draft("0099")
    (cache.root / _name(draft)).mkdir(parents=True)
    _assert_found(cache, draft, "entry.json")
    with pytest.raises(DamagedEntryError, match="no such file"):
        list(cache.records())


def test_a_stray_file_among_the_folders(cache: FeatureCache, drafts: list[EntryDraft]) -> None:
    (cache.root / "chimera" / "slides" / "notes.txt").touch()
    (cache.root / "chimera" / ".DS_Store").touch()
    (cache.root / "README").touch()
    assert [check.name for check in cache.verify() if not check.ok] == ["chimera/slides/notes.txt"]


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"settings": {"mpp": 0.25}}, "settings"),
        ({"settings": {"mpp": "0.5"}}, "settings"),
        ({"schema_version": 2}, "entry.json"),
        ({"surprise": 1}, "entry.json"),
        ({"case_id": "0072"}, "ids"),
        ({"case_id": "../../0071"}, "ids"),
        ({"case_id": ""}, "ids"),
        ({"recipe_hash": "0" * 64}, "another recipe"),
        ({"recipe_hash": "../x"}, "ids"),
        ({"array_format": "inline"}, "array "),
        ({"array_format": "npz"}, "entry.json"),
        ({"files": {}}, "arrays."),
    ],
)
def test_a_record_sealed_anew_does_not_pass(
    cache: FeatureCache, drafts: list[EntryDraft], change: dict[str, object], part: str
) -> None:
    _reseal(cache, drafts[0], change)
    _assert_found(cache, drafts[0], part)


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [69, 24]},
        {"shape": [-1, 24]},
        {"shape": [2**40, 2**20]},
        {"shape": [24, 70]},
        {"dtype": "float64"},
        {"dtype": "object"},
        {"dtype": "V8"},
        {"sha256": "0" * 64},
        {"data": ""},
        {"data": "*"},
    ],
)
def test_an_array_record_sealed_anew_does_not_pass(
    cache: FeatureCache, drafts: list[EntryDraft], change: dict[str, object]
) -> None:
    arrays = _document(cache, drafts[0])["arrays"]
    arrays["embeddings"].update(change)
    _reseal(cache, drafts[0], {"arrays": arrays})
    _assert_found(cache, drafts[0], "array embeddings")


@pytest.mark.parametrize("draft", [0, 1])
def test_an_array_that_its_files_cannot_hold_is_not_read(
    cache: FeatureCache, drafts: list[EntryDraft], draft: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Zarr and HDF5 give zeros for chunks that are not there, as many as the metadata says."""
    arrays = _document(cache, drafts[draft])["arrays"]
    arrays["embeddings"]["shape"] = [2**40, 24]
    _reseal(cache, drafts[draft], {"arrays": arrays})
    monkeypatch.setattr(type(array_format(cache.array_format)), "read", _never)
    with pytest.raises(DamagedEntryError, match=r"array embeddings: .* got more bytes than the "):
        cache.read(drafts[draft].key)


def _never(*arguments: object) -> None:
    raise AssertionError("nothing of that size may be read")


def test_a_record_without_measure_is_not_read(cache: FeatureCache, drafts: list[EntryDraft]) -> None:
    with (cache.root / _name(drafts[2]) / "entry.json").open("r+b") as stream:
        stream.truncate(MOST_BYTES + 1)
    _assert_found(cache, drafts[2], "entry.json")
    problem = next(check.problem for check in cache.verify() if not check.ok)
    assert problem == "entry.json: expected at most 16,777,216 bytes; got 16,777,217"


def test_an_array_with_a_name_that_is_a_path_does_not_pass(
    cache: FeatureCache, drafts: list[EntryDraft]
) -> None:
    arrays = _document(cache, drafts[0])["arrays"]
    arrays["../embeddings"] = arrays["embeddings"]
    _reseal(cache, drafts[0], {"arrays": arrays})
    _assert_found(cache, drafts[0], "array ../embeddings")


def test_a_listed_file_outside_the_entry_does_not_pass(cache: FeatureCache, drafts: list[EntryDraft]) -> None:
    files = _document(cache, drafts[0])["files"]
    files["../../../../../secret"] = {"bytes": 6, "sha256": "0" * 64}
    (cache.root / "secret").write_text("secret")
    _reseal(cache, drafts[0], {"files": files})
    _assert_found(cache, drafts[0], "secret")


def test_unreadable_files_are_named(
    cache: FeatureCache, drafts: list[EntryDraft], monkeypatch: pytest.MonkeyPatch
) -> None:
    from feature_cache import entry_contents

    def broken(*arguments: object) -> None:
        raise OSError(5, os.strerror(5))

    for name in ("_read_file", "sha256_of_file"):
        monkeypatch.setattr(entry_contents, name, broken)
    with pytest.raises(DamagedEntryError, match="a readable file; got Input/output error"):
        cache.read(drafts[0].key)


def test_quarantine_moves_the_damaged_and_the_next_run_makes_them(
    cache: FeatureCache, drafts: list[EntryDraft]
) -> None:
    (cache.root / _name(drafts[1]) / "entry.json").write_text("{}")
    moved = {check.name: check.quarantined for check in cache.verify(quarantine=True)}
    assert moved == {_name(draft): draft is drafts[1] for draft in drafts}
    assert cache.status().boxes["_quarantine"] == 1
    assert all(check.ok for check in cache.verify()) and len(list(cache.verify())) == 2
    assert not (cache.root / _name(drafts[1])).parent.exists()
    with pytest.raises(CacheError, match="got none"):
        cache.read(drafts[1].key)
    assert cache.commit(drafts[1]) == "committed"
    cache.gc(older_than_s=0)
    assert cache.status().boxes["_quarantine"] == 1


def test_an_entry_replaced_while_it_is_read_is_not_damaged(
    cache: FeatureCache, drafts: list[EntryDraft], make_draft: MakeDraft, monkeypatch: pytest.MonkeyPatch
) -> None:
    from feature_cache import verification

    read, calls = verification.read_arrays, []

    def replaced_meanwhile(root: Path, folder: Path, record: EntryRecord) -> object:
        calls.append(folder)
        if record.case_id == "0071" and record.kind == "bag" and len(calls) <= 2:
            cache.commit(make_draft("0071", "a", source="other"))
        return read(root, folder, record)

    cache.forget("0072")
    monkeypatch.setattr(verification, "read_arrays", replaced_meanwhile)
    assert [check.ok for check in cache.verify(quarantine=True)] == [True, True]
    assert len(calls) == 3 and cache.status().boxes["_quarantine"] == 0


def test_the_hash_in_the_folder_is_that_of_the_settings(drafts: list[EntryDraft]) -> None:
    recipe = ResolvedRecipe(name="weightfree", modality="slides", settings={"mpp": 0.5})
    assert _name(drafts[0]).split("/")[2] == recipe.folder


def _document(cache: FeatureCache, draft: EntryDraft) -> dict[str, dict[str, dict[str, object]]]:
    document: dict[str, dict[str, dict[str, object]]] = json.loads(
        (cache.root / _name(draft) / "entry.json").read_bytes()
    )
    return document


def _reseal(cache: FeatureCache, draft: EntryDraft, change: dict[str, object]) -> None:
    """Alter a record and seal it again, as somebody would who knows how."""
    body = {name: value for name, value in _document(cache, draft).items() if name != "entry_sha256"}
    (cache.root / _name(draft) / "entry.json").write_bytes(seal_document({**body, **change}))
