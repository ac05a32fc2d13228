"""A resolved recipe: the settings that make one feature set, and the hash that is their identity.

Enters: one block of a recipe file after `extract` has filled in the encoder card and every default.
Leaves: a frozen value with a hash and a folder name. Settings only: what a single file needed (reader,
native mpp, source hashes) is provenance of its entry and never part of this hash.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, JsonValue

from feature_cache.canonical import sha256_of_json


class ResolvedRecipe(BaseModel):
    """Settings of one feature set: a modality, a recipe name and everything that shapes the numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    modality: str
    settings: dict[str, JsonValue]

    @property
    def hash(self) -> str:
        """The sha256 (hex) of modality and settings. The name is for people and not part of it."""
        return sha256_of_json({"modality": self.modality, "settings": self.settings})

    @property
    def folder(self) -> str:
        """The folder of the feature set below `<cache>/<cohort>/<modality>/`."""
        return f"{self.name}-{self.hash[:12]}"
