"""What one entry of the cache is: its key, its draft before the commit, its record after.

Enters: arrays, provenance and quality of one slide, note or case. Leaves: the typed content of
`entry.json`. Nothing here touches a disk; the commit protocol is `store.py`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from feature_cache.canonical import Json
from feature_cache.recipe import ResolvedRecipe

SCHEMA_VERSION = 1

Kind = Literal["bag", "volume", "note", "vector"]

#: What an entry of each kind holds at least, row by row together (DESIGN section 3). A vector may name its
#: values in a further array (`value_names.py`), where they are too many for `attrs`.
REQUIRED_ARRAYS: dict[Kind, tuple[str, ...]] = {
    "bag": ("embeddings", "xy_px0", "valid"),
    "volume": ("embeddings", "token_xyz_mm"),
    "note": ("embeddings", "char_span"),
    "vector": ("values", "state"),
}

#: States of a clinical value, as stored in the `state` array (uint8).
STATES = ("observed", "missing", "unknown", "not_applicable", "bounded_above", "bounded_below")
OBSERVED, MISSING, UNKNOWN, NOT_APPLICABLE, BOUNDED_ABOVE, BOUNDED_BELOW = range(6)
# bounded_above: the text was "<0.01" (the value is below the stored bound); bounded_below: ">5000".


class Frozen(BaseModel):
    """A frozen value that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, kw_only=True, order=True)
class EntryKey:
    """Where an entry belongs. Two runs that agree on the key and the sources make the same entry."""

    cohort: str
    modality: str
    recipe_name: str
    recipe_hash: str
    case_id: str
    item_id: str

    @classmethod
    def of(cls, cohort: str, recipe: ResolvedRecipe, case_id: str, item_id: str) -> EntryKey:
        """Return the key of an item of a cohort in the feature set of a recipe."""
        return cls(
            cohort=cohort,
            modality=recipe.modality,
            recipe_name=recipe.name,
            recipe_hash=recipe.hash,
            case_id=case_id,
            item_id=item_id,
        )

    @property
    def feature_set(self) -> str:
        """The folder name of the feature set, `<recipe-name>-<hash12>`."""
        return f"{self.recipe_name}-{self.recipe_hash[:12]}"

    def __str__(self) -> str:
        """Name the entry for people: `cohort/modality/recipe-hash12/case/item`."""
        return f"{self.cohort}/{self.modality}/{self.feature_set}/{self.case_id}/{self.item_id}"


class Source(Frozen):
    """One input of an entry, known by its content. No path: paths can name people.

    `role` is one word such as slide, tissue_mask, note, clinical_row.
    """

    role: str
    sha256: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class EntryDraft:
    """All that `FeatureCache.commit` needs.

    `arrays` are little-endian numpy arrays; small ones go inline into `entry.json`. `settings` are the
    resolved recipe's. `attrs` describes this item (mpp, tile_px0, variable names), `used` says what made
    it (reader and version, encoder id, sha256 of weights), `quality` and `warnings` sum it up. All are
    plain JSON.
    """

    key: EntryKey
    kind: Kind
    sources: tuple[Source, ...]
    arrays: dict[str, np.ndarray[Any, Any]]
    settings: dict[str, Json] = field(default_factory=dict)
    attrs: dict[str, Json] = field(default_factory=dict)
    used: dict[str, Json] = field(default_factory=dict)
    quality: dict[str, Json] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


class ArrayRecord(Frozen):
    """One array as committed. `data` is base64 of the little-endian bytes where it lives inline."""

    shape: tuple[int, ...]
    dtype: str
    sha256: str
    data: str | None = None


class FileRecord(Frozen):
    """One file of the entry beside `entry.json`, path relative to the entry's folder."""

    bytes: int
    sha256: str


class EntryRecord(Frozen):
    """The content of `entry.json`. No clock and no host in it, so that a rerun gives the same bytes."""

    schema_version: Literal[1]
    cohort: str
    modality: str
    recipe_name: str
    recipe_hash: str
    case_id: str
    item_id: str
    kind: Kind
    settings: dict[str, Any]
    sources: tuple[Source, ...]
    used: dict[str, Any]
    attrs: dict[str, Any]
    array_format: Literal["zarr", "hdf5", "inline"]
    arrays: dict[str, ArrayRecord]
    files: dict[str, FileRecord]
    quality: dict[str, Any]
    warnings: tuple[str, ...]
    probe: dict[str, Any]
    entry_sha256: str

    @property
    def key(self) -> EntryKey:
        """The key that the record claims; the store compares it with the path."""
        return EntryKey(
            cohort=self.cohort,
            modality=self.modality,
            recipe_name=self.recipe_name,
            recipe_hash=self.recipe_hash,
            case_id=self.case_id,
            item_id=self.item_id,
        )
