"""Slide encoders with code of their makers: small random models of the same calls, over bags in a cache."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

from extract.encoders.card import EncoderCard  # noqa: E402
from extract.encoders.registry import encoder_cards, find_encoder, find_weights, load_encoder  # noqa: E402
from extract.encoders.weights import WeightsSource, read_state  # noqa: E402
from extract.item import WorkItem  # noqa: E402
from extract.slide_vector.encoder import TileBag  # noqa: E402
from extract.slide_vector.settings import bags_of, resolve_slide_vector  # noqa: E402
from extract.stages import STAGES  # noqa: E402
from feature_cache.entry import EntryDraft, EntryKey, Source  # noqa: E402
from feature_cache.errors import RecipeError  # noqa: E402
from feature_cache.store import FeatureCache  # noqa: E402
from tests.extract.encoders.makers_models import save_makers_model  # noqa: E402

SLIDES = {"encoder": "conch_v1_5"}
State = dict[str, Any]


@pytest.fixture(autouse=True)
def _whatever_it_requires(monkeypatch: pytest.MonkeyPatch) -> None:
    """The small models need nothing of what the real ones import."""
    for place in ("encoders.registry", "slide_vector.makers_networks"):
        monkeypatch.setattr(f"extract.{place}.import_requirements", lambda card: None)
    monkeypatch.setattr("extract.encoders.networks.version_of", lambda module: "0")


def a_bag(dim: int, tiles: int = 7) -> TileBag:
    rng = np.random.default_rng(1)
    places = np.stack([np.arange(tiles) % 3, np.arange(tiles) // 3], axis=1)
    return TileBag(
        embeddings=rng.normal(size=(tiles, dim)).astype(np.float16),
        xy_px0=np.rint(places * 1013.7 + 50).astype(np.int32),
        tile_px0=(1013.7, 1013.7),
    )


def by_titan(state: State, bag: TileBag) -> np.ndarray:
    places = bag.columns_and_rows().mean(axis=0).sum()
    return linear(state, bag.embeddings.astype(float).mean(axis=0)) + places


def by_prism(state: State, bag: TileBag) -> np.ndarray:
    return linear(state, bag.embeddings.astype(float).max(axis=0))


def by_feather(state: State, bag: TileBag) -> np.ndarray:
    rows = bag.embeddings.astype(float)
    scores = np.exp(linear(state, rows).sum(axis=1))
    return linear(state, (scores[:, None] * rows).sum(axis=0) / scores.sum())


def linear(state: State, rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows @ state["first.weight"].numpy().T + state["first.bias"].numpy())


@pytest.mark.parametrize(
    ("name", "by_hand"),
    [("titan", by_titan), ("prism", by_prism), ("feather", by_feather), ("feather_uni2", by_feather)],
)
def test_each_is_asked_as_its_makers_want(
    name: str, by_hand: Callable[[State, TileBag], np.ndarray], tmp_path: Path
) -> None:
    card = find_encoder(name, "slide_vector").model_copy(update={"dim": 5})
    state = save_makers_model(tmp_path / name, tile=6, out=5)
    with pytest.raises(RecipeError, match=f"--trust-remote-code {name}"):
        find_weights(card, WeightsSource(root=tmp_path), None)
    weights = find_weights(card, WeightsSource(root=tmp_path, trusted=frozenset({name})), None)
    encoder, bag = load_encoder(card, weights), a_bag(6)
    np.testing.assert_allclose(encoder.encode(bag), by_hand(state, bag), rtol=1e-4, atol=1e-4)
    assert encoder.feature_names == tuple(f"{name}_{number}" for number in range(5))


class SmallLongNet(torch.nn.Module):  # type: ignore[misc,name-defined]
    """What gigapath.slide_encoder.create_model gives: 13 layers of (1, dim), the tile's side an attribute."""

    def __init__(self, path: str, model: str, in_chans: int, *, global_pool: bool) -> None:
        super().__init__()
        assert path == "" and global_pool and model == "gigapath_slide_enc12l768d"
        self.tile_size = 0
        self.first = torch.nn.Linear(in_chans, 5)

    def forward(self, tiles: Any, coords: Any, all_layer_embed: bool = False) -> list[Any]:
        assert all_layer_embed and coords.dtype == torch.float32
        layer = self.first(tiles.mean(dim=1)) + torch.floor(coords / self.tile_size).mean(dim=1).sum()
        return [number * layer for number in range(13)]


def test_gigapath_runs_with_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = ModuleType("gigapath.slide_encoder")
    package.create_model = SmallLongNet  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gigapath", ModuleType("gigapath"))
    monkeypatch.setitem(sys.modules, "gigapath.slide_encoder", package)
    real = find_encoder("gigapath_slide", "slide_vector")
    card = real.model_copy(update={"dim": 5, "architecture": {**real.architecture, "in_chans": 6}})
    torch.manual_seed(2)
    state = SmallLongNet("", "gigapath_slide_enc12l768d", 6, global_pool=True).state_dict()
    (tmp_path / "gigapath_slide").mkdir()
    torch.save({"model": state}, tmp_path / "gigapath_slide/slide_encoder.pth")
    bag = a_bag(6)
    encoder = load_encoder(card, find_weights(card, WeightsSource(root=tmp_path), None))
    np.testing.assert_allclose(encoder.encode(bag), 11 * by_titan(state, bag), rtol=1e-4, atol=1e-4)


def test_a_place_on_the_grid_is_exact_though_a_tiles_side_is_no_whole_number() -> None:
    """Divided by 1,014, as a rounded side would be, the 100th column were the 99th."""
    places = np.stack(np.meshgrid(np.arange(120), np.arange(3)), axis=-1).reshape(-1, 2)
    bag = TileBag(
        embeddings=np.zeros((360, 1)),
        xy_px0=np.rint(places * 1013.7).astype(np.int32) + 31,
        tile_px0=(1013.7, 1013.7),
    )
    np.testing.assert_array_equal(bag.columns_and_rows(), places)
    assert ((bag.xy_px0 - 31) // 1014 != places).any()


@pytest.fixture
def cache(tmp_path: Path) -> FeatureCache:
    return FeatureCache.create(tmp_path / "cache")


@pytest.fixture
def weights(tmp_path: Path) -> WeightsSource:
    """TITAN as a small model of the right widths; CONCH's weights are never read here."""
    save_makers_model(tmp_path / "weights/titan", tile=768, out=768)
    (tmp_path / "weights/conch_v1_5").mkdir()
    (tmp_path / "weights/conch_v1_5/pytorch_model_vision.bin").write_bytes(b"never read")
    return WeightsSource(root=tmp_path / "weights", trusted=frozenset({"titan"}))


def titan_item(weights: WeightsSource, cache: FeatureCache, **more: Any) -> WorkItem:
    """The item of a slide whose bag of 7 tiles, one not valid, is in the cache."""
    resolved = resolve_slide_vector("own", {"encoder": "titan", "slides": SLIDES, **more}, weights)
    bags, bag = bags_of(resolved.recipe), a_bag(768)
    rows, valid = bag.embeddings.copy(), np.ones(7, dtype=bool)
    rows[3], valid[3] = np.nan, False
    cache.commit(
        EntryDraft(
            key=EntryKey.of("c", bags, "1", "a"),
            kind="bag",
            sources=(Source(role="slide", sha256="0" * 64, bytes=1),),
            arrays={"embeddings": rows, "xy_px0": bag.xy_px0, "valid": valid},
            settings=bags.settings,
            attrs={"tile_px0": list(bag.tile_px0), "feature_names": [f"p{number}" for number in range(768)]},
            used={"encoder": "conch_v1_5", "weights": {"w": "1"}, "reader": "r"},
        )
    )
    key = EntryKey.of("c", resolved.recipe, "1", "a")
    return WorkItem(
        block="slide_vector", key=key, recipe=resolved.recipe, root=cache.root, weights=resolved.weights
    )


def built(item: WorkItem, cache: FeatureCache) -> EntryDraft:
    stage = STAGES["slide_vector"]
    return stage.build(item, stage.sources(item, cache.hash_file))


def test_a_slide_becomes_a_vector_in_a_set_of_its_own(weights: WeightsSource, cache: FeatureCache) -> None:
    item = titan_item(weights, cache)
    assert item.key.recipe_name == "own_titan"
    assert bags_of(item.recipe).name == "own"
    draft = built(item, cache)
    bag = a_bag(768)
    kept = np.arange(7) != 3
    seen = TileBag(embeddings=bag.embeddings[kept], xy_px0=bag.xy_px0[kept], tile_px0=bag.tile_px0)
    assert item.weights is not None
    state = read_state(item.weights)
    np.testing.assert_allclose(draft.arrays["values"], by_titan(state, seen), rtol=1e-3, atol=1e-3)
    assert draft.used["encoder"] == "titan"
    assert draft.used["tiles"] == {"encoder": "conch_v1_5", "weights": {"w": "1"}}
    assert draft.quality == {"tiles_pooled": 6} and draft.warnings == ()
    assert draft.attrs["feature_names"][-1] == "titan_767"  # type: ignore[index]
    cache.commit(draft)


def test_a_large_bag_is_thinned_and_says_so(weights: WeightsSource, cache: FeatureCache) -> None:
    item = titan_item(weights, cache, most_tiles=4)
    assert item.recipe.hash != titan_item(weights, cache).recipe.hash
    draft = built(item, cache)
    assert draft.quality == {"tiles_pooled": 4, "tiles_left_out": 2}
    assert draft.warnings == ("2 of 6 tiles left out, evenly: the encoder takes 4 (most_tiles)",)
    np.testing.assert_array_equal(built(item, cache).arrays["values"], draft.arrays["values"])


@pytest.mark.parametrize(
    ("slides", "got"),
    [
        ({"encoder": "stain_texture_nuclei"}, "stain_texture_nuclei (default), 256 px at 0.5 um"),
        (
            {"encoder": "conch_v1_5", "overlap_px": 64},
            "conch_v1_5 (pooled), 512 px at 0.5 um, overlapping by 64 px",
        ),
    ],
)
def test_bags_of_other_tiles_are_refused(slides: dict[str, Any], got: str, weights: WeightsSource) -> None:
    with pytest.raises(RecipeError) as refusal:
        resolve_slide_vector("own", {"encoder": "titan", "slides": slides}, weights)
    assert refusal.value.expected == "bags of conch_v1_5 (pooled), 512 px at 0.5 um for titan"
    assert refusal.value.got == got


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"pooling": "mean", "encoder": "titan"}, "either pooling or encoder"),
        ({"most_tiles": 10}, "leave most_tiles out"),
        ({"encoder": "uni"}, "a name that no card has for slide_vector"),
    ],
)
def test_a_block_that_makes_no_sense_is_refused(
    block: dict[str, Any], message: str, weights: WeightsSource
) -> None:
    with pytest.raises(RecipeError, match=message):
        resolve_slide_vector("own", {**block, "slides": {"encoder": "stain_texture_nuclei"}}, weights)


def test_the_mean_is_the_same_set_however_it_is_said() -> None:
    slides = {"slides": {"encoder": "stain_texture_nuclei"}}
    said = [{"pooling": "mean"}, {"encoder": "mean"}, {}]
    folders = {resolve_slide_vector("own", {**way, **slides}, WeightsSource()).recipe.folder for way in said}
    assert len(folders) == 1 and next(iter(folders)).startswith("own_vector-")


NETWORKS = [card for card in encoder_cards("slide_vector") if card.weights_needed]


@pytest.mark.parametrize("card", NETWORKS, ids=lambda card: card.name)
def test_a_card_names_tiles_that_there_are(card: EncoderCard) -> None:
    wanted: Any = card.architecture["tiles"]
    tiles = find_encoder(wanted["name"], "slides")
    assert wanted["variant"] in tiles.variants and wanted["mpp"] in tiles.mpp
    assert wanted["tile_px"] == tiles.input_px == card.architecture["tile_px"]
