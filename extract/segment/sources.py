"""Where segmenters come from: a folder that `fit-segmenter` wrote, or a published network with a card.

Enters: what the command line names. Leaves: a `SegmenterSource`, which gives every case a segmenter that has
not learnt from it, or none. That rule is kept here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from extract.encoders.card import EncoderCard
from extract.encoders.registry import find_encoder, find_weights, load_encoder
from extract.encoders.weights import Weights, WeightsSource
from extract.segment.fitted import LoadedNetworks
from extract.segment.record import read_record
from extract.segment.segmenter import Segmenter
from extract.segment.training import find_device
from extract.volumes.mask_origin import MaskOrigin
from feature_cache.canonical import Json, sha256_of_json
from feature_cache.errors import RecipeError

#: What masks of a published network are called in masks.csv, if nothing else is wished.
PUBLISHED_REGION = "segmentation"
#: Cards of volume encoders that give labels too (see `Segmenter`).
PUBLISHED = ("prostate_zones",)
_VOLUMES = "volumes"


@dataclass(frozen=True, kw_only=True)
class CaseSegmenter:
    """A segmenter that may be used on a case, and what its masks say of it."""

    segmenter: Segmenter
    origin: MaskOrigin


class SegmenterSource(Protocol):
    """Gives segmenters. `sequences` are those of series.csv that it segments, the first that a study has."""

    @property
    def region(self) -> str:
        """Return what its masks are called in masks.csv, if nothing else is wished."""

    @property
    def sequences(self) -> tuple[str, ...]:
        """Return the names of the sequences that it was made for."""

    @property
    def cohort(self) -> str | None:
        """Return the cohort that it was fitted to; None where that is not known."""

    @property
    def identity(self) -> Json:
        """Return what tells it from every other: the same identity gives the same masks."""

    @property
    def training_case_ids(self) -> tuple[str, ...] | None:
        """Return every case that any part of it learnt from."""

    def for_case(self, case_id: str) -> CaseSegmenter | None:
        """Return what may be used on a case; None where all of it learnt from that case."""


@dataclass(frozen=True, kw_only=True)
class FittedSource:
    """A folder of `fit-segmenter`."""

    networks: LoadedNetworks

    @property
    def region(self) -> str:
        """See `SegmenterSource`."""
        return self.networks.record.target

    @property
    def sequences(self) -> tuple[str, ...]:
        """See `SegmenterSource`."""
        return (self.networks.record.preparation.sequence,)

    @property
    def cohort(self) -> str:
        """See `SegmenterSource`."""
        return self.networks.record.cohort

    @property
    def identity(self) -> Json:
        """See `SegmenterSource`."""
        return sha256_of_json(self.networks.record.model_dump(mode="json"))

    @property
    def training_case_ids(self) -> tuple[str, ...]:
        """See `SegmenterSource`."""
        return self.networks.record.training_case_ids

    def for_case(self, case_id: str) -> CaseSegmenter | None:
        """See `SegmenterSource`."""
        segmenter = self.networks.for_case(case_id)
        if segmenter is None:
            return None
        origin = MaskOrigin(
            segmenter=f"{self.networks.record.network.name} fitted to {self.region} of {self.cohort}",
            weights={model.weights: model.sha256 for model in segmenter.models},
            cohort=self.cohort,
            training_case_ids=segmenter.training_case_ids,
        )
        return CaseSegmenter(segmenter=segmenter, origin=origin)


@dataclass(frozen=True, kw_only=True)
class PublishedSource:
    """A published network: one for all cases."""

    card: EncoderCard
    weights: Weights
    segmenter: Segmenter

    region = PUBLISHED_REGION
    cohort = None

    @property
    def sequences(self) -> tuple[str, ...]:
        """See `SegmenterSource`."""
        contract = self.card.contract
        return () if contract is None or contract.sequences is None else contract.sequences

    @property
    def identity(self) -> Json:
        """See `SegmenterSource`."""
        return {"card": self.card.name, "weights": {file.name: file.sha256 for file in self.weights.files}}

    @property
    def training_case_ids(self) -> tuple[str, ...] | None:
        """See `SegmenterSource`."""
        return self.segmenter.training_case_ids

    def for_case(self, case_id: str) -> CaseSegmenter | None:
        """See `SegmenterSource`."""
        known = self.training_case_ids
        if known is not None and case_id in known:
            return None
        origin = MaskOrigin(
            segmenter=self.card.name,
            weights={file.name: file.sha256 for file in self.weights.files},
            training_case_ids=known,
        )
        return CaseSegmenter(segmenter=self.segmenter, origin=origin)


def open_source(named: str, weights: Path | None) -> SegmenterSource:
    """Return the segmenter that a folder, or else the name of a card, stands for.

    Raises
    ------
    RecipeError
        Neither, or a card of a network that gives no labels; a fit that was not finished; weights that are
        not to be had.
    """
    folder = Path(named)
    if folder.is_dir():
        return FittedSource(
            networks=LoadedNetworks(folder=folder, record=read_record(folder), device=find_device())
        )
    if named not in PUBLISHED:
        names = ", ".join(PUBLISHED)
        raise RecipeError(
            f"segmenter {named}",
            expected=f"a folder of fit-segmenter, or a published network that gives labels ({names})",
            got="no such folder, and none of these",
            remedy="Mend the path; or fit a segmenter of your own with `python -m extract fit-segmenter`.",
        )
    card = find_encoder(named, _VOLUMES)
    found = find_weights(card, WeightsSource(root=weights), None)
    return PublishedSource(card=card, weights=found, segmenter=load_encoder(card, found))
