"""What an encoder's card says, and what a loaded tile encoder can do.

Enters: nothing. Leaves: `EncoderCard`, plain data that goes into a recipe's hash, and the protocol that
the slide stage calls. A card says enough to make the same numbers again: variant, precision and input
scale are part of an encoder's identity, because the same name with another of them gives other vectors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, UInt8
from pydantic import BaseModel, ConfigDict, JsonValue

from extract.encoders.input_contract import InputContract
from extract.volumes.volume import SeriesOnGrid
from feature_cache.canonical import Json

Precision = Literal["bf16", "f16", "f32", "f64"]

#: The fields that shape the numbers; the others may be mended without making another feature set.
_IDENTITY = (
    "name",
    "modality",
    "dim",
    "input_px",
    "mpp",
    "normalisation",
    "precision",
    "variant",
    "hub_id",
    "revision",
    "algorithm",
    "architecture",
)

#: Files beside the weights that shape the numbers too, where they are there.
_COMPANIONS = (
    "added_tokens.json",
    "config.json",
    "merges.txt",
    "sentencepiece.bpe.model",
    "special_tokens_map.json",
    "spiece.model",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
)


#: The licence on the card of an encoder that takes any model.
OF_THE_MODEL = "of the model"


class EncoderCard(BaseModel):
    """One frozen encoder as data.

    `dim` is None where the cohort decides (clinical values); `mpp` lists the resolutions (um per pixel)
    that the encoder was made for, the first is the default; `loader` is ``module:function``, imported
    only when the encoder is used (beside that of a network stands a ``check(card, weights)``);
    `algorithm` is bumped by hand when the numbers change.

    Of a network: `weights_needed`; `requires` names the modules that it runs on; `weight_file` is its one
    file where it has a name of its own, `companions` (names or patterns) are hashed beside it;
    `makers_code` says that Python files among them are run, which needs --trust-remote-code; `architecture`
    is what its family's loader builds. `precision` is that of a GPU (a CPU computes in f32); what is stored
    is f16. `variants` are the outputs that a recipe may choose, `variant` the default and `dim` its length.
    `commercial` says whether the licence allows commercial use, None where that is not known. Where the
    recipe names the model, `licence` is `OF_THE_MODEL` and `gated` None. `contract` is what a volume encoder
    must be shown (`input_contract.py`); it belongs to the identity where it fixes a grid. `jointly`:
    sequences that it is also shown together, one a channel (`JointEncoder`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    modality: Literal["slides", "slide_vector", "volumes", "notes", "clinical", "omics"]
    dim: int | None
    input_px: int | None = None
    mpp: tuple[float, ...] = ()
    normalisation: str = "none"
    precision: Precision = "f32"
    variant: str = "default"
    variants: tuple[str, ...] = ()
    licence: str
    gated: bool | None = False
    commercial: bool | None = None
    hub_id: str | None = None
    revision: str | None = None
    loader: str
    source: str
    algorithm: int = 1
    weights_needed: bool = False
    requires: tuple[str, ...] = ()
    weight_file: str | None = None
    companions: tuple[str, ...] = _COMPANIONS
    makers_code: bool = False
    architecture: dict[str, JsonValue] = {}
    contract: InputContract | None = None
    jointly: tuple[str, ...] = ()

    def __hash__(self) -> int:
        """Hash the card as JSON: an architecture is a dict."""
        return hash(self.model_dump_json())

    def identity(self) -> dict[str, Json]:
        """Return the fields that belong into a recipe's settings, as plain JSON."""
        fields = {key: value for key, value in self.model_dump(mode="json").items() if key in _IDENTITY}
        if not self.architecture:
            del fields["architecture"]
        if self.contract is not None and self.contract.fixes_grid:
            fields["contract"] = self.contract.model_dump(mode="json")
        if self.jointly:
            fields["jointly"] = [*self.jointly]
        return fields

    @property
    def stored_dtype(self) -> str:
        """The numpy type of stored embeddings: f16 of a network, f32 of what is weight-free."""
        return "<f2" if self.weights_needed else "<f4"


class TileEncoder(Protocol):
    """A loaded tile encoder. The row of a tile depends on that tile alone, never on its batch.

    `used` says what the numbers were computed with (device, compute_dtype); {} without weights.
    """

    feature_names: tuple[str, ...]
    used: dict[str, Json]

    def encode(
        self, tiles: UInt8[np.ndarray[Any, Any], "tile height width 3"], mpp: float
    ) -> Float[np.ndarray[Any, Any], "tile dim"]:
        """Encode RGB tiles of `mpp` um per pixel into one row a tile."""


@dataclass(frozen=True, kw_only=True)
class EncodedSeries:
    """One series as tokens, and the same pooled in each region of its study, rows in the regions' order.

    `token_xyz_mm` is in the frame of the series' affine. A row of `regions` is NaN where the encoder can say
    nothing of the region. `coverage` is the share of the region's voxels that the row stands for (0 to 1).
    """

    embeddings: Float[np.ndarray[Any, Any], "token dim"]
    token_xyz_mm: Float[np.ndarray[Any, Any], "token 3"]
    regions: Float[np.ndarray[Any, Any], "region dim"]
    coverage: Float[np.ndarray[Any, Any], " region"]
    shown: dict[str, Json] | None = None


class VolumeEncoder(Protocol):
    """A loaded volume encoder: one series at a time, no state between series or studies.

    `used` says what the numbers were computed with (device, compute_dtype); {} without weights.
    """

    feature_names: tuple[str, ...]
    used: dict[str, Json]

    def encode(
        self, series: SeriesOnGrid, regions: Mapping[str, Bool[np.ndarray[Any, Any], "x y z"]]
    ) -> EncodedSeries:
        """Encode one series on its study's grid; NaN voxels are outside the field of view, not 0."""


@runtime_checkable
class JointEncoder(Protocol):
    """A volume encoder that is also shown several series of a study together."""

    def encode_jointly(
        self, series: Sequence[SeriesOnGrid], regions: Mapping[str, Bool[np.ndarray[Any, Any], "x y z"]]
    ) -> EncodedSeries | None:
        """Encode those of the card's `jointly` that are there, None without any; `shown` names the masked."""
