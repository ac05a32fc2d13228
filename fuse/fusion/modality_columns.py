"""Several modalities made ready for a network: columns of each by its own design, and the tiles of bags.

Enters: cases; designs and the standardisation of tiles are fitted on those of the train part. Leaves: float32
columns of each modality, zeros where it is absent, and which are present. Of an absent modality nothing is
read, and one that no train case had is absent for ever: nothing was learned about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from fuse.cases import Bags, Cases, Modality
from fuse.models.design import Design, fit_design
from fuse.models.tile_scale import TileScale, fit_tile_scale


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Some cases: of each modality (case, column) float32, what is `present`, and bags by its place."""

    values: tuple[Float[np.ndarray, "case column"], ...]
    present: Bool[np.ndarray, "case modality"]
    bags: Mapping[int, Bags]

    def take(self, rows: Int[np.ndarray, " k"]) -> Columns:
        """Return some of the cases."""
        return Columns(
            values=tuple(values[rows] for values in self.values),
            present=self.present[rows],
            bags={place: bags.take(rows) for place, bags in self.bags.items()},
        )

    def ordered(self) -> Columns:
        """Return the same with bags in canonical order, sorted once for all training steps."""
        return replace(self, bags={place: bags.ordered() for place, bags in self.bags.items()})


@dataclass(frozen=True, kw_only=True)
class ColumnMaker:
    """Fitted on a train part. Of a modality in `scales` the tiles are looked at, of others the values.

    `seen`: whether any train case had the modality.
    """

    modalities: tuple[str, ...]
    designs: tuple[Design, ...]
    scales: Mapping[str, TileScale]
    seen: tuple[bool, ...]

    def columns(self, cases: Cases) -> Columns:
        """Return the columns of some cases. To score a case, give it alone."""
        several = [cases.modalities[name] for name in self.modalities]
        present = [_there(modality) & seen for modality, seen in zip(several, self.seen, strict=True)]
        return Columns(
            values=tuple(
                _block(design, modality, there)
                for design, modality, there in zip(self.designs, several, present, strict=True)
            ),
            present=np.stack(present, axis=1),
            bags={
                place: modality.bags
                for place, modality in enumerate(several)
                if modality.name in self.scales and modality.bags is not None
            },
        )


def fit_columns(modalities: tuple[str, ...], cases: Cases, tiles: bool) -> ColumnMaker:
    """Fit on a train part; `tiles` says whether those of bags are looked at, where there are any."""
    several = [cases.modalities[name] for name in modalities]
    there = [_there(modality) for modality in several]
    scales = {
        modality.name: fit_tile_scale(modality.bags.take(np.flatnonzero(present)))
        for modality, present in zip(several, there, strict=True)
        if tiles and modality.bags is not None and present.any()
    }
    return ColumnMaker(
        modalities=modalities,
        designs=tuple(
            # nothing of the values where the tiles are looked at instead
            fit_design(modality.values[present & (modality.name not in scales)], modality.scale_columns)
            for modality, present in zip(several, there, strict=True)
        ),
        scales=scales,
        seen=tuple(bool(present.any()) for present in there),
    )


def _there(modality: Modality) -> Bool[np.ndarray, " case"]:
    """Return who has the modality; a bag without a tile is none."""
    bags = modality.bags
    return modality.present if bags is None else modality.present & (bags.stop > bags.start)


def _block(
    design: Design, modality: Modality, there: Bool[np.ndarray, " case"]
) -> Float[np.ndarray, "case column"]:
    """Return columns of mean variance 1 over the train part; one of zeros where the design has none."""
    columns = design.matrix(modality.values[there])
    block = np.zeros((len(there), max(1, columns.shape[1])), dtype=np.float32)
    block[there, : columns.shape[1]] = columns * np.sqrt(columns.shape[1])
    return block
