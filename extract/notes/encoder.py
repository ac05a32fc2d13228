"""What a note encoder takes and gives: a text and the lengths of its chunks in, one vector a chunk out.

Enters: nothing. Leaves: the block that every note encoder's own block extends, the value that it returns,
and the protocol that the stage calls. Each encoder cuts the text by its own tokens.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import numpy as np
from jaxtyping import Float, Int
from pydantic import BaseModel, ConfigDict, Field, model_validator

from feature_cache.canonical import Json


class NotesBlock(BaseModel):
    """What every `notes` block of a recipe says; lengths in tokens of the encoder that it names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoder: str
    chunk_tokens: int = Field(ge=8)
    overlap_tokens: int = Field(ge=0)

    @model_validator(mode="after")
    def _chunks_advance(self) -> NotesBlock:
        if self.overlap_tokens >= self.chunk_tokens:
            raise ValueError("overlap_tokens must be less than chunk_tokens")
        return self


@dataclass(frozen=True, kw_only=True)
class EncodedNote:
    """One note as numbers. `char_span` counts characters of the text as read; no token leaves the encoder.

    `quality` holds counts beside chunks and tokens; `warnings` are for the entry, so they quote nothing.
    """

    embeddings: Float[np.ndarray[Any, Any], "chunk dim"]
    char_span: Int[np.ndarray[Any, Any], "chunk 2"]
    tokens: int
    quality: dict[str, Json] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


#: Each encoder reads a block of its own.
Block = TypeVar("Block", bound=NotesBlock, contravariant=True)


class NoteEncoder(Protocol[Block]):
    """A loaded note encoder. A row depends on its chunk alone, never on the chunks beside it.

    `used` says on which device and in which precision, nothing for an encoder without weights.
    """

    used: dict[str, Json]

    def encode(self, text: str, block: Block) -> EncodedNote:
        """Cut and encode one text; without a token there is no chunk."""
