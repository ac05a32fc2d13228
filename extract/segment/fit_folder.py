"""The folder of a fit while it grows: what is in it is whole, and a stopped fit goes on where it was.

Enters: a folder and the identity of the fit. Leaves: weights with a note beside each, a log, and the record
when all is there. A folder with another fit in it is refused, never overwritten.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from extract.segment.begun_folder import begin_folder, write_whole
from extract.segment.record import RECORD_NAME, ModelRecord, SegmenterRecord, record_text
from feature_cache.canonical import Json, sha256_of_file
from feature_cache.durability import sync_file

if TYPE_CHECKING:
    from torch import Tensor

_IDENTITY, _LOG = "fit.json", "log.jsonl"


@dataclass(frozen=True, kw_only=True)
class FitFolder:
    """A folder that belongs to one fit."""

    path: Path

    @classmethod
    def open(cls, path: Path, identity: Mapping[str, Json]) -> FitFolder:
        """Return a new folder, or one in which the same fit was begun.

        Raises
        ------
        RecipeError
            Something else is in it; the message says what differs.
        """
        begin_folder(path, _IDENTITY, identity, "fit")
        return cls(path=path)

    def finished(self, name: str) -> ModelRecord | None:
        """Return the note of a network that is there with its weights, None where it is not."""
        note = self.path / f"{name}.json"
        try:
            model = ModelRecord.model_validate_json(note.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None
        weights = self.path / model.weights
        return model if weights.is_file() and sha256_of_file(weights) == model.sha256 else None

    def write_weights(self, name: str, state: Mapping[str, Tensor]) -> str:
        """Write a network's tensors as safetensors and return the sha256 of the file."""
        from safetensors.torch import save_file

        beside, path = self.path / f".{name}.part", self.path / f"{name}.safetensors"
        save_file({key: value.contiguous() for key, value in state.items()}, beside)
        sync_file(beside)
        beside.replace(path)
        return sha256_of_file(path)

    def write(self, name: str, text: str) -> None:
        """Write a file of text: whole or not at all."""
        write_whole(self.path / name, text)

    def log(self, line: Mapping[str, Json]) -> None:
        """Add a line to log.jsonl."""
        with (self.path / _LOG).open("a", encoding="utf-8", newline="\n") as stream:
            stream.write(json.dumps(dict(line)) + "\n")

    def finish(self, record: SegmenterRecord) -> None:
        """Write segmenter.yaml: the folder is a segmenter from now on."""
        self.write(RECORD_NAME, record_text(record))
