"""Each neighbour's files come in as they are and go out as they came, bit by bit."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from extract.interchange.exporting import ExportRequest, export_slides
from extract.interchange.neighbour import NEIGHBOURS
from feature_cache.entry import EntryDraft, EntryKey
from feature_cache.recipe import ResolvedRecipe
from feature_cache.store import Entry, FeatureCache
from tests.extract.interchange.conftest import Importer
from tests.extract.interchange.neighbour_files import (
    MPP,
    SLIDE_MPP,
    TILE_PX,
    TILE_PX0,
    WRITERS,
    Features,
    features,
)

STEMS = {"a": "scan_a", "b": "scan_b", "c": "c"}
SOURCES = tuple(WRITERS)
#: What the files of a neighbour leave to be said.
UNTOLD = {"clam": {"tile_px": TILE_PX}}


def write_all(source: str, folder: Path, dtype: str = "float32") -> dict[str, Features]:
    folder.mkdir(exist_ok=True)
    made = {slide: features(stem, seed, dtype) for seed, (slide, stem) in enumerate(STEMS.items())}
    for one in made.values():
        WRITERS[source](folder, one)
    return made


def entries(cache: FeatureCache, name: str | None = None) -> dict[str, Entry]:
    return {record.item_id: cache.read(record.key) for record in cache.records("three", "slides", name)}


def test_every_neighbour_is_tested() -> None:
    assert set(NEIGHBOURS) == set(SOURCES)


@pytest.mark.parametrize("source", SOURCES)
def test_files_come_in_as_they_are(
    source: str, tmp_path: Path, cache: FeatureCache, take_in: Importer
) -> None:
    made = write_all(source, tmp_path / "theirs")
    beside = tmp_path / "theirs" / "patches" if source == "clam" else None
    summary = take_in(source, tmp_path / "theirs", beside=beside, **UNTOLD.get(source, {}))
    assert (summary.made, summary.done, summary.problems, summary.others) == (3, 0, (), 0)
    found = entries(cache, summary.feature_set)
    assert found.keys() == made.keys()
    for slide, one in made.items():
        arrays, attrs = found[slide].arrays, found[slide].record.attrs
        assert arrays["embeddings"].dtype == one.values.dtype
        assert arrays["embeddings"].tobytes() == one.values.tobytes()
        np.testing.assert_array_equal(arrays["xy_px0"], one.xy_px0)
        assert arrays["valid"].all()
        assert attrs["tile_px0"] == [TILE_PX0, TILE_PX0]
        assert attrs["mpp"] == [SLIDE_MPP, SLIDE_MPP]
        assert (attrs["tile_px"], attrs["mpp_of_tiles"]) == (TILE_PX, MPP)
        assert attrs["positions_rounded_by_px0"] == 0
        assert found[slide].record.warnings == ()


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("target", SOURCES)
def test_an_export_comes_back_bit_by_bit(
    target: str, dtype: str, tmp_path: Path, cache: FeatureCache, take_in: Importer
) -> None:
    """Positions that are no multiples of anything, a mpp that is not round, and a tile that is not valid."""
    recipe = ResolvedRecipe(
        name="own",
        modality="slides",
        settings={"encoder": {"name": "theirs"}, "mpp": MPP, "tile_px": TILE_PX},
    )
    rng = np.random.default_rng(1)
    expected = {}
    for case_id, slide_id in (("1", "a"), ("1", "b"), ("2", "c")):
        values = rng.normal(size=(300, 8)).astype(dtype)
        xy_px0 = rng.integers(0, 200_000, size=(300, 2)).astype("<i4")
        valid = np.ones(300, dtype=bool)
        valid[7] = False
        draft = EntryDraft(
            key=EntryKey.of("three", recipe, case_id, slide_id),
            kind="bag",
            sources=(),
            settings=recipe.settings,
            arrays={"embeddings": values, "xy_px0": xy_px0, "valid": valid},
            attrs={
                "mpp": [SLIDE_MPP, SLIDE_MPP],
                "tile_px0": [448.3, 448.3],
                "level_read": 1,
                "level_downsample": 1.9996,
            },
        )
        assert cache.commit(draft) == "committed"
        expected[slide_id] = values[valid], xy_px0[valid]
    out = tmp_path / "out"
    done = export_slides(
        ExportRequest(cohort="three", feature_set=f"own-{recipe.hash[:12]}", target=target, folder=out), cache
    )
    assert (done.slides, done.tiles, done.left_out) == (3, 897, 3)
    note = json.loads((out / "braid_export.json").read_text(encoding="utf-8"))
    assert (note["format"], note["recipe_hash"], len(note["slides"])) == (target, recipe.hash, 3)
    beside = out / "patches" if target == "clam" else None
    summary = take_in(target, out, beside=beside, **UNTOLD.get(target, {}))
    assert (summary.made, summary.problems, summary.others) == (3, (), 0)
    for slide_id, entry in entries(cache, summary.feature_set).items():
        values, xy_px0 = expected[slide_id]
        assert entry.arrays["embeddings"].dtype == values.dtype
        assert entry.arrays["embeddings"].tobytes() == values.tobytes()
        assert entry.arrays["xy_px0"].tobytes() == xy_px0.tobytes()
        assert entry.record.attrs["tile_px0"][0] == pytest.approx(448.3, abs=0.5)


def test_slide2vec_s_npz_is_read_like_its_pt(tmp_path: Path, cache: FeatureCache, take_in: Importer) -> None:
    made = write_all("slide2vec", tmp_path / "theirs", "float16")
    for one in made.values():
        path = tmp_path / "theirs" / "tile_embeddings" / f"{one.stem}.pt"
        path.unlink()
        np.savez_compressed(path.with_suffix(".npz"), features=one.values)
    summary = take_in("slide2vec", tmp_path / "theirs")
    assert summary.problems == ()
    for slide, entry in entries(cache).items():
        assert entry.arrays["embeddings"].tobytes() == made[slide].values.tobytes()


def test_bfloat16_comes_in_as_the_same_numbers(
    tmp_path: Path, cache: FeatureCache, take_in: Importer
) -> None:
    made = write_all("chimera", tmp_path / "theirs")
    for one in made.values():
        path = tmp_path / "theirs" / "features" / f"{one.stem}.pt"
        torch.save(torch.from_numpy(one.values).bfloat16()[None], path)
    assert take_in("chimera", tmp_path / "theirs").problems == ()
    for slide, entry in entries(cache).items():
        assert entry.arrays["embeddings"].dtype == np.float32
        np.testing.assert_allclose(entry.arrays["embeddings"], made[slide].values, rtol=2**-8)


def test_stamp_s_positions_inside_larger_reads_are_rounded_and_it_is_said(
    tmp_path: Path, cache: FeatureCache, take_in: Importer
) -> None:
    made = write_all("stamp", tmp_path / "theirs")
    for one in made.values():
        with h5py.File(tmp_path / "theirs" / f"{one.stem}.h5", "r+") as file:
            file["coords"][:] = one.xy_px0 * SLIDE_MPP + 0.1  # .4 of a pixel
    assert take_in("stamp", tmp_path / "theirs").problems == ()
    for slide, entry in entries(cache).items():
        np.testing.assert_array_equal(entry.arrays["xy_px0"], made[slide].xy_px0)
        assert entry.record.attrs["positions_rounded_by_px0"] == pytest.approx(0.4, abs=0.001)


def test_trident_magnification_of_an_export_is_one_that_objectives_have(
    tmp_path: Path, cache: FeatureCache, take_in: Importer
) -> None:
    write_all("trident", tmp_path / "theirs")
    summary = take_in("trident", tmp_path / "theirs")
    request = ExportRequest(
        cohort="three", feature_set=summary.feature_set, target="trident", folder=tmp_path / "out"
    )
    export_slides(request, cache)
    with h5py.File(tmp_path / "out" / "a.h5") as file:
        attrs = dict(file["coords"].attrs)
        assert file["features"].attrs["encoder"] == "theirs"
    assert (attrs["level0_magnification"], attrs["target_magnification"]) == (40, 20)
    assert (attrs["patch_size"], attrs["patch_size_level0"]) == (TILE_PX, TILE_PX0)
