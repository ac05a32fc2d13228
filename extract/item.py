"""A work item and what a modality must offer so that `plan` and `run` can treat all of them alike.

Enters: manifest rows and a resolved recipe block. Leaves: items that can be sent to a worker process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from feature_cache.canonical import Json
from feature_cache.cohort import Cohort
from feature_cache.entry import EntryDraft, EntryKey, Source
from feature_cache.recipe import ResolvedRecipe

#: sha256 (hex) of a file; the cache's remembers it by size, mtime and inode.
HashFile = Callable[[Path], str]


@dataclass(frozen=True, kw_only=True)
class WorkItem:
    """One slide, study, note or case of one feature set: all that a worker needs, no open handle.

    `files` maps a role (slide, tissue_mask, note) to an absolute path; `facts` are what the manifest
    says about the item (mpp, column, the row of clinical values), plain JSON.
    """

    key: EntryKey
    recipe: ResolvedRecipe
    files: dict[str, Path] = field(default_factory=dict)
    facts: dict[str, Json] = field(default_factory=dict)


class Stage(Protocol):
    """One modality of stage 1. `extract/stages.py` lists them."""

    modality: str

    def resolve(self, name: str, block: dict[str, Json], cohort: Cohort) -> ResolvedRecipe:
        """Validate one block of a recipe file and fill in encoder card and defaults (`RecipeError`)."""

    def items(self, cohort: Cohort, root: Path, recipe: ResolvedRecipe) -> list[WorkItem]:
        """Return one item for every row of the manifest; opens no file."""

    def sources(self, item: WorkItem, hash_file: HashFile) -> tuple[Source, ...]:
        """Hash what the entry is made of; `SourceError` where a file is absent."""

    def build(self, item: WorkItem, sources: tuple[Source, ...]) -> EntryDraft:
        """Read the sources and return the entry to commit; `SourceError` where they cannot be used."""

    def cost(self, item: WorkItem) -> dict[str, int]:
        """Return what `plan` adds up without decoding pixels: `bytes`, and `tiles` for slides."""
