"""A fitted segmenter at work: the networks of a folder that have not seen a case, and their joint answer.

Enters: a folder of `fit-segmenter`. Leaves: labels on a series' own grid. Several networks answer with the
mean of their probabilities. Weights are read as safetensors, only if they are the bytes of the record, and
only if they fit the network tensor by tensor.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8

from extract.encoders.same_bits import same_bits
from extract.segment.networks.build import build_network
from extract.segment.preparation import label_voxels, prepare
from extract.segment.record import ModelRecord, SegmenterRecord
from extract.segment.training import Device
from extract.segment.windows import probabilities_of
from extract.volumes.volume import SeriesOnGrid
from feature_cache.canonical import sha256_of_file
from feature_cache.errors import RecipeError

if TYPE_CHECKING:
    from extract.segment.networks.network import SegmentationNetwork


@dataclass(frozen=True, kw_only=True)
class LoadedNetworks:
    """The networks of a folder, each read once, when it is first asked for."""

    folder: Path
    record: SegmenterRecord
    device: Device
    _loaded: dict[str, SegmentationNetwork] = field(default_factory=dict, repr=False)

    def network(self, model: ModelRecord) -> SegmentationNetwork:
        """Return one of the networks, ready to answer.

        Raises
        ------
        RecipeError
            Weights that are absent, not those of the record, or of another network.
        """
        if model.name not in self._loaded:
            self._loaded[model.name] = _load(self.folder, self.record, model, self.device)
        return self._loaded[model.name]

    def for_case(self, case_id: str) -> FittedSegmenter | None:
        """Return the segmenter for a case: all networks that did not learn from it; None if all did."""
        unseen = self.record.unseen(case_id)
        return FittedSegmenter(networks=self, models=unseen) if unseen else None


@dataclass(frozen=True, kw_only=True)
class FittedSegmenter:
    """Some networks of one folder; see `extract.segment.segmenter.Segmenter`."""

    networks: LoadedNetworks
    models: tuple[ModelRecord, ...]

    @property
    def labels(self) -> dict[int, str]:
        """Return value -> structure."""
        return dict(self.networks.record.labels)

    @property
    def training_case_ids(self) -> tuple[str, ...]:
        """Return the cases that any of these networks learnt from, sorted."""
        return tuple(sorted({case for model in self.models for case in model.training_case_ids}))

    def segment(self, series: SeriesOnGrid) -> UInt8[np.ndarray[Any, Any], "x y z"]:
        """Label every voxel of a series; see `Segmenter.segment`."""
        preparation, device = self.networks.record.preparation, self.networks.device
        shown = prepare(series.voxels, series.affine, preparation, spacing_known=series.spacing_known)
        total: Any = 0.0
        with same_bits(device, "f32"):
            for model in self.models:
                network = self.networks.network(model)
                total = total + probabilities_of(network, shown.images, preparation.side_px, device)
        return label_voxels((total / len(self.models)).astype(np.float32), shown)


def _load(folder: Path, record: SegmenterRecord, model: ModelRecord, device: Device) -> SegmentationNetwork:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = folder / model.weights
    where = f"segmenter {folder.name}: {model.weights}"
    remedy = "Fetch the folder again, or fit the segmenter again."
    if not path.is_file() or sha256_of_file(path) != model.sha256:
        raise RecipeError(
            where,
            expected=f"the weights of the record, sha256 {model.sha256[:12]}",
            got="another file" if path.is_file() else "no such file",
            remedy=remedy,
        )
    made = record.network
    network = build_network(made.name, made.channels, made.classes, made.settings)
    try:
        state = load_file(path)
        network.load_state_dict(state, strict=True)
    except (RuntimeError, SafetensorError) as error:
        raise RecipeError(
            where,
            expected=f"the tensors of {made.name} as the record describes it",
            got="other tensors, or no safetensors",
            remedy=remedy,
        ) from error
    return network.to(device).eval()
