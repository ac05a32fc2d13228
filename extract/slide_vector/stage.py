"""One vector a slide: the mean of the embeddings of its valid tiles.

Enters: the bag entries that the `slides` block of the same recipe made. Leaves: another feature set of the
modality slides, one vector entry a slide. No image is opened; the source of an entry is an entry, so a slide
that was encoded anew is pooled anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, JsonValue

from extract.encoders.weights import WeightsSource
from extract.item import HashFile, ResolvedBlock, WorkItem
from extract.recipe import read_block
from extract.slides.settings import MODALITY, resolve_slides
from feature_cache.canonical import Json
from feature_cache.cohort import Cohort
from feature_cache.entry import OBSERVED, STATES, EntryDraft, EntryKey, EntryRecord, Source
from feature_cache.entry_json import FILE
from feature_cache.errors import CacheError, DamagedEntryError, SourceError
from feature_cache.names import entry_path
from feature_cache.recipe import ResolvedRecipe
from feature_cache.store import FeatureCache

POOLING_ALGORITHM = 1
#: The folder of the vectors is named after the recipe too, but stands apart from that of the bags.
_SUFFIX = "_vector"


class SlideVectorBlock(BaseModel):
    """The `slide_vector` block of a recipe file; `slides` is the recipe's block of that name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pooling: Literal["mean"] = "mean"
    slides: dict[str, JsonValue]


class SlideVectorStage:
    """See `extract.item.Stage`; the root of its items is the cache."""

    block = "slide_vector"
    modality = MODALITY

    def resolve(
        self, name: str, block: dict[str, Json], cohort: Cohort, weights: WeightsSource
    ) -> ResolvedBlock:
        """Return the recipe: the pooling, and the settings of the bags that are pooled.

        Raises
        ------
        RecipeError
            Unknown keys or pooling, or a slides block that is refused itself.
        """
        chosen = read_block(SlideVectorBlock, name, self.block, block)
        slides = resolve_slides(name, chosen.slides, weights).recipe
        settings: dict[str, Json] = {
            "pooling": chosen.pooling,
            "algorithm": POOLING_ALGORITHM,
            "slides": slides.settings,
        }
        return ResolvedBlock(
            recipe=ResolvedRecipe(name=f"{name}{_SUFFIX}", modality=self.modality, settings=settings)
        )

    def items(self, cohort: Cohort, root: Path, resolved: ResolvedBlock) -> list[WorkItem]:
        """Return one item for every row of slides.csv; `root` is that of the cache."""
        return [
            WorkItem(
                block=self.block,
                key=EntryKey.of(cohort.name, resolved.recipe, row.case_id, row.slide_id),
                recipe=resolved.recipe,
                root=root,
            )
            for row in cohort.slides
        ]

    def sources(self, item: WorkItem, hash_file: HashFile) -> tuple[Source, ...]:
        """Return the seal of the slide's entry; `SourceError` where the slide has none."""
        record = _bag(item)
        size = (item.root / entry_path(record.key) / FILE).stat().st_size
        return (Source(role="entry", sha256=record.entry_sha256, bytes=size),)

    def build(self, item: WorkItem, sources: tuple[Source, ...]) -> EntryDraft:
        """Read the bag, every byte compared with its record, and pool it.

        Raises
        ------
        DamagedEntryError
            The bag is not what was committed.
        """
        bag = FeatureCache(root=item.root).read(_bag(item).key)
        embeddings, valid = bag.arrays["embeddings"], bag.arrays["valid"]
        values = embeddings[valid].mean(axis=0, dtype=np.float64)
        names = bag.record.attrs["feature_names"]
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
            used={**_maker(bag.record), "pooling": str(item.recipe.settings["pooling"])},
            quality={"tiles_pooled": int(valid.sum())},
        )

    def cost(self, item: WorkItem) -> dict[str, int]:
        """Return how many vectors are made; what a bag holds is known once it is there."""
        return {"vectors": 1}


def _bag(item: WorkItem) -> EntryRecord:
    settings = item.recipe.settings["slides"]
    assert isinstance(settings, dict)
    recipe = ResolvedRecipe(name=item.recipe.name.removesuffix(_SUFFIX), modality=MODALITY, settings=settings)
    key = EntryKey.of(item.key.cohort, recipe, item.key.case_id, item.key.item_id)
    try:
        return FeatureCache(root=item.root).record(key)
    except DamagedEntryError:
        raise
    except CacheError as error:
        raise SourceError(
            str(item),
            expected=f"an entry of the slide in {key.feature_set}",
            got="none",
            remedy="The slide itself failed or was left out; see its own row.",
        ) from error


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
