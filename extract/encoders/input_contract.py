"""What a network must be shown, as data on its card, and the one place where a series is held against it.

Enters: a contract, a series on its study's grid, its regions. Leaves: a refusal that says expected, got and
remedy; or the series on the grid that the network was trained on, and what was done to it, for the entry.
A series is never fitted to a network in silence: axes are put in order and sides resampled where the contract
says so, and each of these is written down; what the contract does not allow is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float, Float32
from pydantic import BaseModel, ConfigDict

from extract.encoders.slice_axes import nearest_axes, slices_rows_columns
from extract.volumes.geometry import VoxelGrid
from extract.volumes.region_names import meaning_of
from extract.volumes.resample import resample_linear
from extract.volumes.volume import SeriesOnGrid
from feature_cache.canonical import Json
from feature_cache.errors import SourceError

Mask = Bool[np.ndarray[Any, Any], "x y z"]
Mapped = Mapping[str, Mask]

#: A spacing counts as the contract's where it differs by less than this share: headers are rounded.
SAME_SPACING = 1e-3
#: Slices of any plane as a radiologist sees them.
RADIOLOGICAL = "radiological"
#: Letter of an axis -> axis of the world (RAS mm) and its sign.
_TOWARDS = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}


class InputContract(BaseModel):
    """What one input of a network is; axes are columns, rows and slices, in this order.

    `sequences`: names of series.csv that it was trained on, None for any. `channels`: what the channels are,
    in words. `orientation`: where columns, rows and slices run to, such as LPS; `radiological`: slices of any
    plane, the thick axis last (`radiological_view.py`). `spacing_mm`: None on an axis
    that is taken as the series has it; `on_other_spacing` says whether a series of another one is resampled
    (linearly) or refused. `size`: voxels, None for as many as there are. `centred_on`: the
    middle of the crop, or the centre of gravity of the region of this meaning (`region_names.py`).
    `least_extent_mm`: a crop that shows less along columns or rows is refused. `intensity`: in words, with
    where it was learnt; `prepared` says that values which a recipe prepared (`intensity.py`) may take its
    place. `region_needed`: meaning of the region without which the network cannot be asked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sequences: tuple[str, ...] | None = None
    channels: str = "one"
    orientation: str | None = None
    spacing_mm: tuple[float | None, float | None, float | None] = (None, None, None)
    on_other_spacing: Literal["resampled", "refused"] = "resampled"
    size: tuple[int | None, int | None, int | None] = (None, None, None)
    centred_on: str | None = None
    least_extent_mm: float = 0.0
    intensity: str = "as the series has it"
    prepared: bool = False
    region_needed: str | None = None

    def in_words(self) -> str:
        """Say what a network is shown, for the list of encoders."""
        mm, px = (
            " x ".join("any" if side is None else f"{side:g}" for side in sides)
            for sides in (self.spacing_mm, self.size)
        )
        other = "" if self.on_other_spacing == "resampled" else ", others refused"
        said = [
            f"{' or '.join(self.sequences or ('any series',))}, channels {self.channels}",
            f"{mm} mm{other}" if self.fixes_grid else "the grid of the study",
            f"{px} voxels around {self.centred_on or 'the middle of the crop'}" if any(self.size) else "",
            f"axes {self.orientation}" if self.orientation else "",
            f"a crop of at least {self.least_extent_mm:g} mm" if self.least_extent_mm else "",
            f"needs a mask of the {self.region_needed}" if self.region_needed else "",
            f"intensity {self.intensity}",
        ]
        return "; ".join(part for part in said if part)

    @property
    def fixes_grid(self) -> bool:
        """Whether a series is laid on a grid of the contract's own: it then shapes the numbers."""
        return any(side is not None for side in (*self.spacing_mm, *self.size))

    @property
    def needs_mm(self) -> bool:
        """Whether anything in it is in mm: a series of unknown spacing is then refused."""
        return any(side is not None for side in self.spacing_mm) or self.least_extent_mm > 0


@dataclass(frozen=True, kw_only=True)
class ShownSeries:
    """A series as a contract wants it. NaN = outside the field of view, and what was padded.

    `affine` takes (column, row, slice) to RAS mm. `applied` is what an entry keeps of it.
    """

    voxels: Float32[np.ndarray[Any, Any], "column row slice"]
    affine: Float[np.ndarray[Any, Any], "4 4"]
    applied: dict[str, Json]


def check_contract(contract: InputContract, series: SeriesOnGrid, regions: Mapped, encoder: str) -> None:
    """Refuse a series that a network was not made for.

    Raises
    ------
    SourceError
        Another sequence, an unknown or another spacing, slices of another plane, a crop that is too small, or
        the region that it needs is not there. The message names the encoder and the series.
    """
    where = f"series {series.sequence} for encoder {encoder}"
    if contract.sequences is not None and series.sequence not in contract.sequences:
        wanted = contract.sequences[0]
        raise SourceError(
            where,
            expected=f"a series of {' or '.join(contract.sequences)}, which it was trained on",
            got=series.sequence,
            remedy=f"Give the volumes block of the recipe `sequences: [{wanted}]`, or another encoder.",
        )
    if contract.needs_mm and not series.spacing_known:
        raise SourceError(
            where,
            expected="a known spacing: it was trained on voxels of "
            + " x ".join("any" if side is None else f"{side:g}" for side in contract.spacing_mm)
            + " mm",
            got="1 x 1 x 1 in the header and none in series.csv",
            remedy="Give spacing_mm in series.csv, or take an encoder that needs none.",
        )
    _refuse_plane(contract, series, where)
    _refuse_spacing(contract, series, where)
    for meaning in {contract.region_needed, contract.centred_on} - {None}:
        if not any(meaning_of(name) == meaning and mask.any() for name, mask in regions.items()):
            raise SourceError(
                where,
                expected=f"a mask of the {meaning} that is not empty",
                got=f"regions {', '.join(regions) or 'none'}",
                remedy=f"Give masks.csv a row with a region or a label that is called {meaning}.",
            )


def show(contract: InputContract, series: SeriesOnGrid, regions: Mapped, encoder: str) -> ShownSeries:
    """Return a series on the contract's grid, after `check_contract`; see there for what is raised."""
    check_contract(contract, series, regions, encoder)
    grid = VoxelGrid(size=_sizes(series.voxels.shape), affine=series.affine)
    wanted = _wanted_grid(contract, grid, _centre(contract, grid, regions))
    told = [round(float(side), 6) for side in grid.spacing]
    used = [round(float(side), 6) for side in wanted.spacing]
    return ShownSeries(
        voxels=resample_linear(series.voxels, grid, wanted),
        affine=wanted.affine,
        applied={
            "orientation": contract.orientation or "as stored",
            "spacing_mm": [*used],
            "resampled_from_mm": None if sorted(told) == sorted(used) else [*told],
            "size": [*wanted.size],
            "centred_on": contract.centred_on or "the middle of the crop",
            "intensity": contract.intensity,
        },
    )


def _order(contract: InputContract, grid: VoxelGrid) -> list[tuple[int, int]]:
    """Return for columns, rows and slices the axis of the grid that they are, and which way it is taken."""
    if contract.orientation is None:
        return [(0, 1), (1, 1), (2, 1)]
    world_of = nearest_axes(grid.affine)
    if contract.orientation == RADIOLOGICAL:
        slices, rows, columns = slices_rows_columns(grid.affine)
        wanted = [(columns, -1), (rows, -1), (slices, 1)]
    else:
        axis_of = {world: axis for axis, world in world_of.items()}
        towards = [_TOWARDS[letter] for letter in contract.orientation]
        wanted = [(axis_of[world], sign) for world, sign in towards]
    return [(axis, sign if grid.affine[world_of[axis], axis] > 0 else -sign) for axis, sign in wanted]


def _wanted_grid(
    contract: InputContract, grid: VoxelGrid, centre_mm: Float[np.ndarray[Any, Any], " 3"]
) -> VoxelGrid:
    affine, sizes = np.eye(4), []
    for place, (axis, sign) in enumerate(_order(contract, grid)):
        told = float(grid.spacing[axis])
        side = contract.spacing_mm[place]
        side = told if side is None or abs(side / told - 1) <= SAME_SPACING else side
        affine[:3, place] = grid.directions[:, axis] * sign * side
        size = contract.size[place]
        sizes.append(max(1, round(grid.size[axis] * told / side)) if size is None else size)
    middle = (np.array(sizes) - 1) / 2
    affine[:3, 3] = centre_mm - affine[:3, :3] @ middle
    return VoxelGrid(size=_sizes(sizes), affine=affine)


def _centre(contract: InputContract, grid: VoxelGrid, regions: Mapped) -> Float[np.ndarray[Any, Any], " 3"]:
    """Return the point in mm on which the input is centred, on an axis without a size the crop's middle."""
    index = (np.array(grid.size, dtype=np.float64) - 1) / 2
    if contract.centred_on is not None:
        masks = [mask for name, mask in regions.items() if meaning_of(name) == contract.centred_on]
        gravity = np.argwhere(np.any(masks, axis=0)).mean(axis=0)
        for place, (axis, _) in enumerate(_order(contract, grid)):
            if contract.size[place] is not None:
                index[axis] = gravity[axis]
    centre: Float[np.ndarray[Any, Any], " 3"] = grid.centres(index[None])[0]
    return centre


def _refuse_plane(contract: InputContract, series: SeriesOnGrid, where: str) -> None:
    """Refuse slices of another plane: thick ones would be cut across."""
    grid = VoxelGrid(size=_sizes(series.voxels.shape), affine=series.affine)
    if contract.orientation in (None, RADIOLOGICAL) or not series.spacing_known:
        return
    axis, _ = _order(contract, grid)[2]
    thickest = int(np.argmax(grid.spacing))
    if thickest != axis and grid.spacing[thickest] > 1.5 * grid.spacing[axis]:
        names = {"S": "axial", "I": "axial", "A": "coronal", "P": "coronal", "L": "sagittal", "R": "sagittal"}
        raise SourceError(
            where,
            expected=f"{names[str(contract.orientation)[2]]} slices",
            got=f"slices of {grid.spacing[thickest]:.3g} mm along another axis",
            remedy="Take the series of that plane, or leave this one out of the recipe's `sequences`.",
        )


def _refuse_spacing(contract: InputContract, series: SeriesOnGrid, where: str) -> None:
    grid = VoxelGrid(size=_sizes(series.voxels.shape), affine=series.affine)
    for place, (axis, _) in enumerate(_order(contract, grid)):
        wanted, told = contract.spacing_mm[place], float(grid.spacing[axis])
        other = wanted is not None and abs(told / wanted - 1) > SAME_SPACING
        if other and contract.on_other_spacing == "refused":
            spacing = ", ".join("any" if side is None else f"{side:g}" for side in contract.spacing_mm)
            raise SourceError(
                where,
                expected=f"voxels of {spacing} mm (columns, rows, slices)",
                got=" x ".join(f"{side:.4g}" for side in grid.spacing),
                remedy=f"Give the volumes block of the recipe `spacing_mm: [{spacing}]`.",
            )
        extent = grid.size[axis] * told
        if place < 2 and series.spacing_known and extent < contract.least_extent_mm:
            raise SourceError(
                where,
                expected=f"a crop of at least {contract.least_extent_mm:g} mm along columns and rows",
                got=f"{extent:.4g} mm",
                remedy="Give the volumes block of the recipe a larger `margin_mm` around the masks, or take "
                "another encoder where the series itself ends there.",
            )


def _sizes(shape: Any) -> tuple[int, int, int]:
    x, y, z = (int(side) for side in shape)
    return x, y, z
