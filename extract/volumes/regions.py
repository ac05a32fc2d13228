"""The regions of a study: every mask laid on the series that it was drawn on, split by its codebook.

Enters: masks, the opened series of their study, the study's grid. Leaves: one boolean array a region on that
grid, by nearest neighbour where it is another one, and what each mask lies on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool

from extract.volumes.codebook import region_labels, split_labels
from extract.volumes.geometry import VoxelGrid, coincide
from extract.volumes.header import open_volume
from extract.volumes.manifest import MaskFile
from extract.volumes.mask_geometry import place_mask
from extract.volumes.opened import OpenedSeries, refuse_unplaced
from extract.volumes.reader import read_labels
from extract.volumes.resample import resample_nearest
from feature_cache.canonical import Json
from feature_cache.errors import SourceError

Mask = Bool[np.ndarray[Any, Any], "x y z"]


@dataclass(frozen=True, kw_only=True)
class Regions:
    """Name -> mask on the study's grid; `places` says by row of masks.csv which series it lies on and how.

    `drawn_on` has that series by the region's own name. `lost` were drawn and have no voxel left on the grid:
    too thin for it, or beyond it.
    """

    masks: dict[str, Mask]
    places: dict[str, Json]
    warnings: tuple[str, ...]
    drawn_on: dict[str, str]
    lost: tuple[str, ...] = ()


def lay_masks(
    files: Sequence[MaskFile], opened: Mapping[str, OpenedSeries], reference: OpenedSeries, grid: VoxelGrid
) -> Regions:
    """Read every mask and lay its regions on `grid`.

    Parameters
    ----------
    files
        The masks of the study.
    opened
        Name -> series that they may have been drawn on, the reference first.
    reference, grid
        The series that gives the study's grid, and that grid.

    Raises
    ------
    SourceError
        A mask that cannot be read, lies on no series, or whose labels its codebook does not name; two
        regions of one name.
    """
    header_grids = {name: one.stored.grid for name, one in opened.items()}
    masks: dict[str, Mask] = {}
    places: dict[str, Json] = {}
    warnings: list[str] = []
    drawn_on_by_name: dict[str, str] = {}
    lost: list[str] = []
    for file in files:
        labels = region_labels(file.region, file.codebook, file.where)
        stored = file.stored or open_volume(file.path, file.where, "label")
        place = place_mask(stored.grid, header_grids, file.where)
        drawn_on = opened[place.series]
        refuse_unplaced(drawn_on, reference)
        turned = place.reordering.of_array(read_labels(stored, file.where))
        odd = [*stored.warnings, *place.doubts()]
        for name, mask in split_labels(turned, labels, file.where).items():
            if name in masks:
                raise SourceError(
                    file.where,
                    expected="regions of different names",
                    got=f"a second {name}",
                    remedy="Rename a region, or a label in its codebook.",
                )
            masks[name] = (
                mask if coincide(drawn_on.grid, grid) else resample_nearest(mask, drawn_on.grid, grid)
            )
            drawn_on_by_name[name] = place.series
            if mask.any() and not masks[name].any():
                odd.append(f"{name} has no voxel left on the grid of the study")
                lost.append(name)
        places[file.region] = place.as_json()
        warnings += [f"mask {file.region}: {doubt}" for doubt in odd]
    return Regions(
        masks=masks,
        places=places,
        warnings=tuple(warnings),
        drawn_on=drawn_on_by_name,
        lost=tuple(lost),
    )
