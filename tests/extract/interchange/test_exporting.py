"""What an export refuses: it writes over nothing, and makes up nothing that a format asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from extract.interchange.exporting import Exported, ExportRequest, export_slides
from feature_cache.entry import OBSERVED, EntryDraft, EntryKey
from feature_cache.errors import CacheError, RecipeError, SourceError
from feature_cache.recipe import ResolvedRecipe
from feature_cache.store import FeatureCache

RECIPE = ResolvedRecipe(
    name="own", modality="slides", settings={"encoder": {"name": "uni"}, "mpp": 0.5, "tile_px": 224}
)
SET = f"own-{RECIPE.hash[:12]}"


def commit(
    cache: FeatureCache, case_id: str, slide_id: str, recipe: ResolvedRecipe = RECIPE, **attrs: Any
) -> None:
    draft = EntryDraft(
        key=EntryKey.of("one", recipe, case_id, slide_id),
        kind="bag",
        sources=(),
        settings=recipe.settings,
        arrays={
            "embeddings": np.ones((3, 2), dtype="<f4"),
            "xy_px0": np.zeros((3, 2), dtype="<i4"),
            "valid": np.ones(3, dtype=bool),
        },
        attrs={"mpp": [0.25, 0.25], "tile_px0": [448.0, 448.0], **attrs},
    )
    assert cache.commit(draft) == "committed"


@pytest.fixture
def cache(tmp_path: Path) -> FeatureCache:
    cache = FeatureCache.create(tmp_path / "cache")
    commit(cache, "1", "a")
    return cache


def export(
    cache: FeatureCache, folder: Path, target: str = "trident", name: str = SET, case: str | None = None
) -> Exported:
    return export_slides(
        ExportRequest(
            cohort="one",
            feature_set=name,
            target=target,
            folder=folder,
            case_ids=None if case is None else frozenset([case]),
        ),
        cache,
    )


def test_nothing_is_written_over(cache: FeatureCache, tmp_path: Path) -> None:
    assert export(cache, tmp_path / "out").slides == 1
    with pytest.raises(CacheError, match="one that holds something"):
        export(cache, tmp_path / "out")
    (tmp_path / "file").touch()
    with pytest.raises(CacheError, match="a folder that can be made"):
        export(cache, tmp_path / "file")


@pytest.mark.parametrize("twin", ["a", "A"])
def test_slides_that_would_be_one_file_are_refused(twin: str, cache: FeatureCache, tmp_path: Path) -> None:
    commit(cache, "2", twin)
    with pytest.raises(CacheError, match="2 slides that share one"):
        export(cache, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert export(cache, tmp_path / "out", case="2").slides == 1


@pytest.mark.parametrize(("settings", "expected"), [({"overlap_px": 32}, 32), ({"source": "clam"}, None)])
def test_trident_is_told_the_overlap_that_is_known(
    settings: dict[str, Any], expected: int | None, cache: FeatureCache, tmp_path: Path
) -> None:
    recipe = ResolvedRecipe(name="own", modality="slides", settings={**RECIPE.settings, **settings})
    commit(cache, "1", "a", recipe=recipe)
    export(cache, tmp_path / "out", name=f"own-{recipe.hash[:12]}")
    with h5py.File(tmp_path / "out" / "a.h5") as file:
        assert file["coords"].attrs.get("overlap") == expected


def test_an_odd_id_stays_in_the_folder(cache: FeatureCache, tmp_path: Path) -> None:
    commit(cache, "2", "../../b")
    export(cache, tmp_path / "out")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["%2E.%2F..%2Fb.h5", "a.h5", "braid_export.json"]


def test_stamp_needs_the_slide_s_mpp(cache: FeatureCache, tmp_path: Path) -> None:
    commit(cache, "2", "b", mpp=None)
    with pytest.raises(SourceError, match="case 2, slide b: expected the slide's mpp"):
        export(cache, tmp_path / "out", "stamp")
    assert not (tmp_path / "out" / "braid_export.json").exists()


@pytest.mark.parametrize("attrs", [{"tile_px0": [448.0, 460.0]}, {"tile_px0": None}])
def test_a_tile_without_one_side_is_refused(
    attrs: dict[str, Any], cache: FeatureCache, tmp_path: Path
) -> None:
    commit(cache, "2", "b", **attrs)
    with pytest.raises(SourceError, match="case 2, slide b"):
        export(cache, tmp_path / "out", "chimera")


def test_the_name_of_a_format_or_a_set_must_be_known(cache: FeatureCache, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="one of trident, clam, stamp, slide2vec, chimera"):
        export(cache, tmp_path / "out", "qupath")
    with pytest.raises(CacheError, match="no entry"):
        export(cache, tmp_path / "out", name="own-0123456789ab")
    assert not (tmp_path / "out").exists()


def test_vectors_are_no_tiles(tmp_path: Path) -> None:
    cache = FeatureCache.create(tmp_path / "cache")
    draft = EntryDraft(
        key=EntryKey.of("one", RECIPE, "1", "a"),
        kind="vector",
        sources=(),
        settings=RECIPE.settings,
        arrays={"values": np.ones(2), "state": np.full(2, OBSERVED, dtype=np.uint8)},
    )
    cache.commit(draft)
    with pytest.raises(CacheError, match="entries of kind vector"):
        export(cache, tmp_path / "out")
