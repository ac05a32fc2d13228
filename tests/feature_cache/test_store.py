from __future__ import annotations

import errno
import json
import os
import pickle
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feature_cache.array_format import DTYPES
from feature_cache.entry import EntryDraft
from feature_cache.entry_json import MOST_BYTES
from feature_cache.errors import CacheError, DamagedEntryError
from feature_cache.names import encode_name, entry_path
from feature_cache.recipe import ResolvedRecipe
from feature_cache.store import FeatureCache

MakeDraft = Callable[..., EntryDraft]
TreeBytes = Callable[[Path], dict[str, bytes]]


def _rooms_are_empty(cache: FeatureCache) -> bool:
    return not any(cache.status().boxes.values())


class TestCommit:
    """The same for both forms, by the fixture `cache`."""

    def test_what_was_committed_is_read(self, cache: FeatureCache, make_draft: MakeDraft) -> None:
        draft = make_draft()
        assert cache.commit(draft) == "committed"
        entry = cache.read(draft.key)
        assert entry.record.key == draft.key
        assert entry.record.settings == draft.settings and entry.record.sources == draft.sources
        assert entry.record.attrs == draft.attrs and entry.record.array_format == cache.array_format
        assert entry.arrays.keys() == draft.arrays.keys()
        for name, array in draft.arrays.items():
            assert entry.arrays[name].dtype == array.dtype
            np.testing.assert_array_equal(entry.arrays[name], array)
        assert _rooms_are_empty(cache)

    @pytest.mark.parametrize("kind", ["bag", "vector"])
    @pytest.mark.parametrize("dtype", sorted(DTYPES))
    def test_every_dtype_with_and_without_rows(
        self, cache: FeatureCache, make_draft: MakeDraft, kind: str, dtype: str
    ) -> None:
        arrays = {
            "some": np.arange(12).reshape(4, 3).astype(dtype),
            "none": np.zeros((0, 3), dtype),
            "one": np.ones((), dtype),
            "big_endian": np.arange(5).astype(dtype).astype(np.dtype(dtype).newbyteorder(">")),
            "strided": np.arange(12).reshape(4, 3).astype(dtype)[::2, ::-1],
        }
        draft = make_draft(kind=kind)
        draft = replace(draft, arrays={**draft.arrays, **arrays})
        cache.commit(draft)
        entry = cache.read(draft.key)
        for name, array in arrays.items():
            assert entry.arrays[name].dtype == np.dtype(dtype) and entry.arrays[name].shape == array.shape
            np.testing.assert_array_equal(entry.arrays[name], array)

    def test_small_vectors_live_in_the_record(self, cache: FeatureCache, make_draft: MakeDraft) -> None:
        small = make_draft("small", "clinical", kind="vector")
        large = replace(
            make_draft("large", "clinical", kind="vector"),
            arrays={"values": np.zeros(8193), "state": np.zeros(8193, np.uint8)},
        )
        for draft in (small, large):
            cache.commit(draft)
            assert all(check.ok for check in cache.verify())
        assert cache.record(small.key).array_format == "inline" and not cache.record(small.key).files
        record = cache.record(large.key)
        assert record.array_format == cache.array_format and record.arrays["values"].data is None
        assert record.arrays["state"].data is not None
        np.testing.assert_array_equal(cache.read(large.key).arrays["values"], np.zeros(8193))

    def test_same_drafts_same_bytes(
        self, tmp_path: Path, cache: FeatureCache, make_draft: MakeDraft, tree_bytes: TreeBytes
    ) -> None:
        other = FeatureCache.create(tmp_path / "elsewhere" / "cache", cache.array_format)
        drafts = [make_draft(case, kind=kind) for case in "abc" for kind in ("bag", "vector")]
        for one, order in ((cache, drafts), (other, drafts[::-1])):
            for draft in order:
                one.commit(replace(draft, arrays=dict(reversed(draft.arrays.items()))))
        assert tree_bytes(cache.root) == tree_bytes(other.root) != {}

    def test_there_is_no_clock_and_no_host_in_it(
        self, cache: FeatureCache, make_draft: MakeDraft, tree_bytes: TreeBytes
    ) -> None:
        cache.commit(make_draft())
        content = b"".join(tree_bytes(cache.root).values())
        for word in (os.uname().nodename, str(cache.root), str(Path.home())):
            assert word.encode() not in content

    def test_every_form_reads_the_other(self, cache: FeatureCache, make_draft: MakeDraft) -> None:
        cache.commit(make_draft())
        other = FeatureCache.open(cache.root, "hdf5" if cache.array_format == "zarr" else "zarr")
        draft = make_draft()
        assert other.is_done(draft.key, draft.sources)
        assert other.commit(draft) == "already_there"
        np.testing.assert_array_equal(other.read(draft.key).arrays["xy_px0"], draft.arrays["xy_px0"])

    def test_done_is_recipe_and_sources_and_files(self, cache: FeatureCache, make_draft: MakeDraft) -> None:
        draft, changed, finer = make_draft(), make_draft(source="other"), make_draft(mpp=0.25)
        assert not cache.is_done(draft.key, draft.sources)
        cache.commit(draft)
        assert cache.is_done(draft.key, draft.sources)
        assert not cache.is_done(draft.key, changed.sources)
        assert not cache.is_done(draft.key, ())
        assert not cache.is_done(finer.key, draft.sources)
        folder = cache.root / entry_path(draft.key)
        for name, how in [("entry.json", "cut"), ("other", "cut"), ("other", "gone"), ("entry.json", "gone")]:
            path = next(
                p for p in sorted(folder.rglob("*")) if p.is_file() and (p.name == name) != (name == "other")
            )
            path.write_bytes(path.read_bytes()[:-1]) if how == "cut" else path.unlink()
            assert not cache.is_done(draft.key, draft.sources)
            assert cache.commit(draft) == "replaced"
            assert cache.is_done(draft.key, draft.sources)

    def test_a_changed_source_moves_the_old_entry_to_the_trash(
        self, cache: FeatureCache, make_draft: MakeDraft
    ) -> None:
        cache.commit(make_draft())
        changed = make_draft(source="other")
        assert cache.commit(changed) == "replaced"
        np.testing.assert_array_equal(cache.read(changed.key).arrays["valid"], changed.arrays["valid"])
        assert cache.status().boxes == {"_tmp": 0, "_trash": 1, "_quarantine": 0}
        assert all(check.ok for check in cache.verify())

    def test_a_file_in_the_place_of_an_entry_gives_way(
        self, cache: FeatureCache, make_draft: MakeDraft
    ) -> None:
        draft = make_draft()
        place = cache.root / entry_path(draft.key)
        place.parent.mkdir(parents=True)
        place.write_text("no entry")
        assert [check.ok for check in cache.verify()] == [False]
        assert cache.commit(draft) == "replaced"
        assert cache.is_done(draft.key, draft.sources)

    def test_ids_that_differ_in_case_alone_do_not_displace_each_other(
        self, cache: FeatureCache, make_draft: MakeDraft
    ) -> None:
        # What a file system that folds upper and lower case would show: the entry of "p1" under "P1".
        lower, upper = make_draft("p1"), make_draft("P1")
        cache.commit(lower)
        (cache.root / entry_path(lower.key)).parent.rename((cache.root / entry_path(upper.key)).parent)
        with pytest.raises(CacheError, match="upper and lower case"):
            cache.commit(upper)
        assert _rooms_are_empty(cache)

    def test_all_is_on_the_disk_before_it_has_its_name(
        self, cache: FeatureCache, make_draft: MakeDraft, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rename, synced, order = os.rename, [], []

        def sync(handle: int) -> None:
            synced.append(os.fstat(handle).st_ino)

        def move(source: Path, target: Path) -> None:
            inside = {path: path.stat().st_ino for path in [source, *source.rglob("*")]}
            assert set(inside.values()) <= set(synced)
            assert synced[-2:] == [inside[source / "entry.json"], inside[source]]
            rename(source, target)
            order.append(len(synced))

        monkeypatch.setattr(os, "fsync", sync)
        monkeypatch.setattr(os, "rename", move)
        draft = make_draft()
        cache.commit(draft)
        parents = (cache.root / entry_path(draft.key)).parents[:5]
        assert synced[order[0] :] == [folder.stat().st_ino for folder in parents]

    def test_every_failed_write_leaves_nothing_half_done(
        self, cache: FeatureCache, make_draft: MakeDraft, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = make_draft("0072")
        cache.commit(other)
        cache.commit(make_draft(source="old"))
        draft, failures = make_draft(), 0
        while True:
            calls = iter(range(1000))

            def full(handle: int, calls: Iterator[int] = calls, last: int = failures) -> None:
                if next(calls) == last:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            with monkeypatch.context() as patch:
                patch.setattr(os, "fsync", full)
                try:
                    cache.commit(draft)
                    break
                except CacheError as error:
                    failures += 1
                    assert "No space left" in str(error) and str(draft.key) in str(error)
            assert all(check.ok for check in cache.verify())
            assert cache.status().boxes["_tmp"] == 0
        # At least: the array file, entry.json, its folder, the move to the trash, the move into place.
        assert failures >= 5
        assert cache.is_done(draft.key, draft.sources) and cache.is_done(other.key, other.sources)

    def test_a_disk_that_ends_within_an_array(
        self, cache: FeatureCache, make_draft: MakeDraft, tree_bytes: TreeBytes
    ) -> None:
        arrays = {name: array[[0] * 1000] for name, array in make_draft().arrays.items()}
        draft = replace(make_draft(), arrays=arrays | {"embeddings": np.ones((1000, 1000), np.float32)})
        with _file_size_limit(100_000), pytest.raises(CacheError, match="a disk that takes the entry"):
            cache.commit(draft)
        assert tree_bytes(cache.root) == {} and _rooms_are_empty(cache)
        assert cache.commit(draft) == "committed"
        cache.read(draft.key)

    def test_an_interrupt_leaves_nothing(
        self, cache: FeatureCache, make_draft: MakeDraft, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(handle: int) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(os, "fsync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            cache.commit(make_draft())
        assert _rooms_are_empty(cache) and list(cache.verify()) == []

    def test_a_writer_whose_box_was_collected_commits_nothing(
        self, cache: FeatureCache, make_draft: MakeDraft, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from feature_cache import commit

        def asleep(folder: Path, draft: EntryDraft, form: object) -> None:
            (folder / "entry.json").write_text("half")
            cache.gc(older_than_s=0)

        monkeypatch.setattr(commit, "write_entry", asleep)
        with pytest.raises(CacheError):
            cache.commit(make_draft())
        assert list(cache.verify()) == [] and _rooms_are_empty(cache)

    def test_a_folder_that_vanishes_before_the_move_is_made_again(
        self, cache: FeatureCache, make_draft: MakeDraft, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        draft, rename, calls = make_draft(), os.rename, []

        def rename_after_forget(source: Path, target: Path) -> None:
            calls.append(target)
            if len(calls) == 1:
                cache_place = cache.root / entry_path(draft.key)
                cache_place.parent.rmdir()
            rename(source, target)

        monkeypatch.setattr(os, "rename", rename_after_forget)
        assert cache.commit(draft) == "committed"
        assert len(calls) == 2 and cache.is_done(draft.key, draft.sources)

    @pytest.mark.parametrize("code", [errno.ENOTEMPTY, errno.EEXIST])
    def test_a_place_that_another_writer_emptied_meanwhile(
        self, cache: FeatureCache, make_draft: MakeDraft, monkeypatch: pytest.MonkeyPatch, code: int
    ) -> None:
        """The old entry stood in the way, and by the time one looks another writer has moved it aside."""
        old, draft, rename, calls = make_draft(), make_draft(source="other"), os.rename, []
        cache.commit(old)

        def rename_after_another(source: Path, target: Path) -> None:
            calls.append(target)
            if len(calls) == 1:
                shutil.rmtree(target)
                raise OSError(code, os.strerror(code))
            rename(source, target)

        monkeypatch.setattr(os, "rename", rename_after_another)
        assert cache.commit(draft) == "committed"
        assert cache.is_done(draft.key, draft.sources)


class TestRefusals:
    def test_settings_of_another_recipe(self, cache: FeatureCache, make_draft: MakeDraft) -> None:
        with pytest.raises(CacheError, match="settings whose hash is the recipe hash"):
            cache.commit(replace(make_draft(), settings={"mpp": 0.25}))

    @pytest.mark.parametrize(
        ("name", "array"),
        [
            ("../x", np.zeros(3)),
            ("X", np.zeros(3)),
            ("x", np.array(["text"])),
            ("x", np.array([object()])),
            ("x", np.zeros(3, complex)),
            ("x", np.zeros(3, "datetime64[s]")),
            ("x", np.zeros(3, [("a", "f4")])),
        ],
    )
    def test_arrays_that_no_entry_holds(
        self, cache: FeatureCache, make_draft: MakeDraft, name: str, array: np.ndarray
    ) -> None:
        with pytest.raises(CacheError, match="Mend the encoder"):
            cache.commit(replace(make_draft(), arrays={name: array}))
        assert _rooms_are_empty(cache)

    @pytest.mark.parametrize("kind", ["bag", "vector"])
    def test_an_entry_without_an_array_of_its_kind(
        self, cache: FeatureCache, make_draft: MakeDraft, kind: str
    ) -> None:
        draft = make_draft(kind=kind)
        for name, array in draft.arrays.items():
            rest = {other: one for other, one in draft.arrays.items() if other != name}
            for arrays in (rest, rest | {name: array[1:]}, rest | {name: array.reshape(-1)[0].reshape(())}):
                with pytest.raises(CacheError, match=f"{name}.* with first axes of one length"):
                    cache.commit(replace(draft, arrays=arrays))
        assert _rooms_are_empty(cache) and not list(cache.records())

    @pytest.mark.parametrize("value", [float("nan"), np.float32(1), b"x", {1}])
    def test_attributes_that_are_not_json(
        self, cache: FeatureCache, make_draft: MakeDraft, value: object
    ) -> None:
        with pytest.raises(CacheError, match="plain JSON, without NaN"):
            cache.commit(replace(make_draft(), attrs={"x": value}))
        assert _rooms_are_empty(cache)

    def test_attributes_that_no_record_can_hold(self, cache: FeatureCache, make_draft: MakeDraft) -> None:
        with pytest.raises(CacheError, match=r"at most 16,777,216 bytes.*Store what is long as an array"):
            cache.commit(replace(make_draft(), attrs={"long": "x" * MOST_BYTES}))
        assert _rooms_are_empty(cache)

    def test_an_entry_that_is_not_there(self, cache: FeatureCache, make_draft: MakeDraft) -> None:
        for look in (cache.read, cache.record):
            with pytest.raises(CacheError, match="an entry in the cache; got none") as caught:
                look(make_draft().key)
            assert not isinstance(caught.value, DamagedEntryError)

    @pytest.mark.parametrize("room", [None, "_tmp"])
    def test_a_link_out_of_the_cache(
        self, cache: FeatureCache, tmp_path: Path, make_draft: MakeDraft, room: str | None
    ) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        if room is not None:
            (cache.root / room).rmdir()
        (cache.root / (room or "chimera")).symlink_to(outside)
        with pytest.raises(CacheError, match="a link that leads out of it"):
            cache.commit(make_draft())
        assert list(outside.iterdir()) == []

    def test_a_folder_that_is_no_cache(self, tmp_path: Path) -> None:
        (tmp_path / "photo.jpg").touch()
        with pytest.raises(CacheError, match="a feature cache; got a folder without one"):
            FeatureCache.open(tmp_path)
        with pytest.raises(CacheError, match="got no such folder"):
            FeatureCache.open(tmp_path / "absent")
        with pytest.raises(CacheError, match="a folder that holds something else"):
            FeatureCache.create(tmp_path)
        with pytest.raises(CacheError, match="a folder that can be made"):
            FeatureCache.create(tmp_path / "photo.jpg")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    case=st.text(min_size=1), item=st.text(min_size=1), cohort=st.text(min_size=1), recipe=st.text(min_size=1)
)
@pytest.mark.parametrize("kind", ["vector"])
def test_whatever_the_ids_nothing_is_outside_and_the_entry_comes_back(
    tmp_path: Path, make_draft: MakeDraft, case: str, item: str, cohort: str, recipe: str, kind: str
) -> None:
    cache = FeatureCache.create(tmp_path / "in" / "cache")
    draft = make_draft(case, item, cohort=cohort, recipe=recipe, kind=kind)
    assert cache.commit(draft) == "committed"
    assert cache.read(draft.key).record.key == draft.key
    assert [record.key for record in cache.records(cohort, "clinical", draft.key.feature_set)] == [draft.key]
    assert [found.name for found in cache.feature_sets(cohort)] == [draft.key.feature_set]
    assert cache.feature_sets(cohort)[0].cohort == cohort
    assert all(check.ok for check in cache.verify())
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["cache"]
    assert cache.forget(case) == 1
    assert list(cache.records()) == []
    assert {path.name for path in cache.root.iterdir()} == {
        "_tmp",
        "_trash",
        "_quarantine",
        "_index",
        "_runs",
    }


def test_records_and_feature_sets_are_sorted_and_chosen(tmp_path: Path, make_draft: MakeDraft) -> None:
    cache = FeatureCache.create(tmp_path / "cache")
    drafts = [make_draft(case, item, mpp=mpp) for case in "ba" for item in ("2", "1") for mpp in (0.5, 1.0)]
    drafts += [make_draft("a", "clinical", kind="vector"), make_draft("z", cohort="mprtm")]
    for draft in drafts:
        cache.commit(draft)
    places = [entry_path(record.key) for record in cache.records()]
    assert places == sorted(entry_path(draft.key) for draft in drafts)
    names = sorted({draft.key.feature_set for draft in drafts if draft.key.modality == "slides"})
    assert [(found.modality, found.name) for found in cache.feature_sets("chimera")] == [
        ("clinical", drafts[-2].key.feature_set),
        *(("slides", name) for name in names),
    ]
    assert cache.feature_sets("absent") == []
    assert len(list(cache.records("chimera", "slides"))) == 8
    assert len(list(cache.records("chimera", "slides", names[0]))) == 4
    assert len(list(cache.records(modality="clinical"))) == 1
    with pytest.raises(CacheError, match="a name <recipe>-<hash12>"):
        list(cache.records(feature_set="weightfree"))


def test_status_counts(tmp_path: Path, make_draft: MakeDraft) -> None:
    cache = FeatureCache.create(tmp_path / "cache", "hdf5")
    assert cache.status().describe() == "no entries\nbeside them: _tmp 0, _trash 0, _quarantine 0"
    for case, item in ["a1", "a2", "b1"]:
        cache.commit(make_draft(case, item))
    (size,) = cache.status().feature_sets
    assert (size.cases, size.entries) == (2, 3)
    first = cache.status().describe().splitlines()[0]
    assert first == f"chimera/slides/{size.feature_set.name}: 2 cases, 3 entries, {size.bytes / 1e6:.1f} MB"
    assert size.bytes == sum(path.stat().st_size for path in cache.root.rglob("*") if path.is_file())


def test_a_copy_without_rooms_is_a_cache_and_reading_writes_nothing(
    tmp_path: Path, make_draft: MakeDraft
) -> None:
    cache = FeatureCache.create(tmp_path / "cache")
    draft = make_draft()
    cache.commit(draft)
    for room in ("_tmp", "_trash", "_quarantine", "_index", "_runs"):
        (cache.root / room).rmdir()
    copy = FeatureCache.open(cache.root)
    copy.read(draft.key)
    assert copy.status().feature_sets and copy.feature_sets("chimera") and all(copy.verify())
    assert [path.name for path in cache.root.iterdir()] == ["chimera"]
    assert copy.commit(make_draft("0072")) == "committed"


def test_a_cache_can_be_sent_to_another_process(tmp_path: Path) -> None:
    cache = FeatureCache.create(tmp_path / "cache", "hdf5")
    assert pickle.loads(pickle.dumps(cache)) == cache
    assert cache.runs_folder == tmp_path / "cache" / "_runs"


def test_entry_json_says_all_that_the_design_promises(tmp_path: Path, make_draft: MakeDraft) -> None:
    cache = FeatureCache.create(tmp_path / "cache")
    draft = make_draft()
    cache.commit(draft)
    document = json.loads((cache.root / entry_path(draft.key) / "entry.json").read_text(encoding="utf-8"))
    assert document["schema_version"] == 1 and document["case_id"] == "0071"
    recipe = ResolvedRecipe(name="weightfree", modality="slides", settings=document["settings"])
    assert document["recipe_hash"] == recipe.hash and recipe.hash[:12] in draft.key.feature_set
    assert len(document["probe"]["rows"]) == 64
    assert set(document["files"]) == {
        "arrays.zarr/zarr.json",
        *(
            f"arrays.zarr/{name}/{rest}"
            for name in ("embeddings", "xy_px0")
            for rest in ("zarr.json", "c/0/0")
        ),
        *(f"arrays.zarr/valid/{rest}" for rest in ("zarr.json", "c/0")),
    }
    assert encode_name(draft.key.case_id) == "0071"


@contextmanager
def _file_size_limit(size: int) -> Iterator[None]:
    """Let no file grow beyond `size` bytes in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
