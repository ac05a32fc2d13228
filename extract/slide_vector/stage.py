"""One vector a slide, by an encoder of slides or by the mean of the embeddings of its valid tiles.

Enters: the bag entries that the `slides` block of the same recipe made. Leaves: another feature set of the
modality slides, one vector entry a slide. No image is opened; the source of an entry is an entry, so a slide
that was encoded anew is pooled anew.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from extract.encoders.registry import load_encoder
from extract.encoders.weights import WeightsSource
from extract.entry_sources import find_entry, seal_of
from extract.item import HashFile, ResolvedBlock, WorkItem
from extract.slide_vector.encoder import SlideEncoder, TileBag
from extract.slide_vector.settings import BLOCK, bags_of, card_of, resolve_slide_vector
from extract.slides.settings import MODALITY
from feature_cache.canonical import Json
from feature_cache.cohort import Cohort
from feature_cache.entry import OBSERVED, STATES, EntryDraft, EntryKey, EntryRecord, Source
from feature_cache.store import FeatureCache


class SlideVectorStage:
    """See `extract.item.Stage`; the root of its items is the cache."""

    block = BLOCK
    modality = MODALITY

    def resolve(
        self, name: str, block: dict[str, Json], cohort: Cohort, weights: WeightsSource
    ) -> ResolvedBlock:
        """Return the recipe: the encoder, and the settings of the bags (see `settings.py`)."""
        return resolve_slide_vector(name, block, weights)

    def items(self, cohort: Cohort, root: Path, resolved: ResolvedBlock) -> list[WorkItem]:
        """Return one item for every row of slides.csv; `root` is that of the cache."""
        return [
            WorkItem(
                block=self.block,
                key=EntryKey.of(cohort.name, resolved.recipe, row.case_id, row.slide_id),
                recipe=resolved.recipe,
                root=root,
                weights=resolved.weights,
            )
            for row in cohort.slides
        ]

    def sources(self, item: WorkItem, hash_file: HashFile) -> tuple[Source, ...]:
        """Return the seal of the slide's entry; `SourceError` where the slide has none."""
        return (seal_of(item, _bag(item), "entry"),)

    def build(self, item: WorkItem, sources: tuple[Source, ...]) -> EntryDraft:
        """Read the bag, every byte compared with its record, and encode it.

        Raises
        ------
        DamagedEntryError
            The bag is not what was committed.
        RecipeError, SourceError
            The encoder cannot run here, or gives something that cannot be stored.
        """
        bag = FeatureCache(root=item.root).read(_bag(item).key)
        card = card_of(item.recipe)
        encoder: SlideEncoder = load_encoder(card, item.weights)
        valid = bag.arrays["valid"]
        width, height = bag.record.attrs["tile_px0"]
        tiles = TileBag(
            embeddings=bag.arrays["embeddings"][valid],
            xy_px0=bag.arrays["xy_px0"][valid],
            tile_px0=(float(width), float(height)),
        )
        shown = tiles.thinned(_most_tiles(item, len(tiles.embeddings)))
        pooled, left_out = len(shown.embeddings), len(tiles.embeddings) - len(shown.embeddings)
        values = encoder.encode(shown)
        names = list(encoder.feature_names or bag.record.attrs["feature_names"])
        return EntryDraft(
            key=item.key,
            kind="vector",
            sources=sources,
            settings=item.recipe.settings,
            arrays={"values": values.astype("<f8"), "state": np.full(len(values), OBSERVED, dtype=np.uint8)},
            attrs={
                "variables": [{"name": name, "kind": "numeric", "scale": "linear"} for name in names],
                "feature_names": names,
                "states": list(STATES),
                "pooled_from": bag.record.key.feature_set,
            },
            used=_used(item, bag.record, encoder),
            quality={"tiles_pooled": pooled, **({"tiles_left_out": left_out} if left_out else {})},
            warnings=(_thinned(pooled, left_out),) if left_out else (),
        )

    def cost(self, item: WorkItem) -> dict[str, int]:
        """Return how many vectors are made; what a bag holds is known once it is there."""
        return {"vectors": 1}


def _most_tiles(item: WorkItem, tiles: int) -> int:
    most = item.recipe.settings.get("most_tiles", tiles)
    assert isinstance(most, int)
    return most


def _thinned(pooled: int, left_out: int) -> str:
    return (
        f"{left_out} of {pooled + left_out} tiles left out, evenly: the encoder takes {pooled} (most_tiles)"
    )


def _used(item: WorkItem, bag: EntryRecord, encoder: SlideEncoder) -> dict[str, Json]:
    """Return what made the vector: of a mean, what made the tiles; of a network, both."""
    if item.weights is None:
        return {**_maker(bag), "pooling": str(item.recipe.settings["pooling"])}
    return {
        "encoder": card_of(item.recipe).name,
        **item.weights_used,
        **encoder.used,
        "tiles": _maker(bag),
    }


def _bag(item: WorkItem) -> EntryRecord:
    remedy = "The slide itself failed or was left out; see its own row."
    return find_entry(item, bags_of(item.recipe), item.key.item_id, named="the slide", remedy=remedy)


def _maker(record: EntryRecord) -> dict[str, Json]:
    """Return what the bag says of the encoder behind its rows."""
    ours = (
        "encoder",
        "encoder_revision",
        "weights",
        "weights_origin",
        "device",
        "compute_dtype",
        "libraries",
    )
    return {name: record.used[name] for name in ours if name in record.used}
