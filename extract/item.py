"""A work item and what a block's stage must offer so that `plan` and `run` can treat all of them alike.

Enters: manifest rows and a resolved recipe block. Leaves: items that can be sent to a worker process.
A block is a key of a recipe file; the modality is the folder of the cache that its entries go to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Protocol

from extract.encoders.weights import HashFile, Weights, WeightsSource
from extract.paths import find_file
from feature_cache.canonical import Json
from feature_cache.cohort import Cohort
from feature_cache.entry import EntryDraft, EntryKey, Source
from feature_cache.errors import BraidError
from feature_cache.recipe import ResolvedRecipe

__all__ = ["HashFile", "ResolvedBlock", "SharingStage", "Stage", "Task", "WorkItem"]

#: What one item of a block is called where it is named to people.
ITEM_WORDS = {
    "slides": "slide",
    "slide_vector": "vector of slide",
    "notes": "note",
    "volumes": "study",
    "burden": "burden of study",
}


@dataclass(frozen=True, kw_only=True)
class ResolvedBlock:
    """One block of a recipe, resolved: the identity of its feature set, and the weights behind it."""

    recipe: ResolvedRecipe
    weights: Weights | None = None


@dataclass(frozen=True, kw_only=True)
class WorkItem:
    """One slide, study, note or case of one feature set: all that a worker needs, no open handle.

    `files` maps a role (slide, tissue_mask, note) to a path below `root` as the manifest has it; `facts`
    are what the manifest says about the item (mpp, column, the row of clinical values), plain JSON.
    `weights` are those of the recipe's encoder, None for one without.
    """

    block: str
    key: EntryKey
    recipe: ResolvedRecipe
    root: Path = Path()
    files: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Json] = field(default_factory=dict)
    weights: Weights | None = None

    @property
    def weights_used(self) -> dict[str, Json]:
        """What the entry says of the weights behind it; without weights there is no revision either."""
        return {"encoder_revision": None} if self.weights is None else self.weights.used

    def name_of(self, role: str) -> str:
        """Name the item and one of its files for people: no folder of the path, which can name persons."""
        if (self.root / self.files[role]).is_dir():
            return f"{self}, the folder of {role}"
        return f"{self}, {PurePosixPath(self.files[role]).name}"

    def path_of(self, role: str) -> Path:
        """Return a file that may be opened; `SourceError` where it is absent or leads out of the root."""
        return find_file(self.root, self.files[role], self.name_of(role))

    def source_of(self, role: str) -> Path:
        """Return a file as `path_of` does, or a folder (of DICOM)."""
        return find_file(self.root, self.files[role], self.name_of(role), folders=True)

    def __str__(self) -> str:
        """Name the item for people."""
        word = ITEM_WORDS.get(self.block, self.block)
        return f"case {self.key.case_id}, {word} {self.key.item_id}"


#: What a worker is given at a time: one item, or those that share a pass over one file.
Task = tuple[WorkItem, ...]


class Stage(Protocol):
    """What makes the entries of one block. `extract/stages.py` lists them."""

    block: str
    modality: str

    def resolve(
        self, name: str, block: dict[str, Json], cohort: Cohort, weights: WeightsSource
    ) -> ResolvedBlock:
        """Validate one block of a recipe file; fill in encoder card, defaults, weights (`RecipeError`)."""

    def items(self, cohort: Cohort, root: Path, resolved: ResolvedBlock) -> list[WorkItem]:
        """Return one item for every row of the manifest; opens no file."""

    def sources(self, item: WorkItem, hash_file: HashFile) -> tuple[Source, ...]:
        """Hash what the entry is made of; `SourceError` where a file is absent."""

    def build(self, item: WorkItem, sources: tuple[Source, ...]) -> EntryDraft:
        """Read the sources and return the entry to commit; `SourceError` where they cannot be used."""

    def cost(self, item: WorkItem) -> dict[str, int]:
        """Return what `plan` adds up without decoding pixels: `bytes`, and `tiles` for slides."""


class SharingStage(Stage, Protocol):
    """A stage that can make the entries of several feature sets in one pass over their file."""

    def build_together(
        self, task: Task, sources: tuple[tuple[Source, ...], ...]
    ) -> tuple[EntryDraft | BraidError, ...]:
        """Return for each item its entry, or why it alone has none; raise what concerns them all."""
