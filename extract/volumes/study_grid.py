"""The one grid of a study: the reference series' voxels, or a finer or coarser raster of the same box.

Enters: sequences and grids, the recipe's wishes, masks. Leaves: which series is the reference, the grid, and
the box around the masks. Pure geometry.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool

from extract.volumes.geometry import VoxelGrid
from feature_cache.errors import SourceError

GRID_ALGORITHM = 1
CropRule = Literal["around the masks", "whole: no mask", "whole: empty masks", "whole: spacing unknown"]
Box = tuple[tuple[int, int, int], tuple[int, int, int]]


def choose_reference(sequences: Collection[str], preference: Sequence[str], where: str) -> str:
    """Return the first preferred sequence that is there, or the only one that is.

    Raises
    ------
    SourceError
        Several, none of them preferred.
    """
    for sequence in preference:
        if sequence in sequences:
            return sequence
    if len(sequences) == 1:
        return next(iter(sequences))
    raise SourceError(
        where,
        expected=f"one of {', '.join(preference)} as the series whose grid the others are laid on",
        got=", ".join(sorted(sequences)),
        remedy="Name the sequence under `reference` in the volumes block of the recipe.",
    )


def refuse_sequences(sequences: Sequence[str], where: str) -> None:
    """Raise `SourceError` for two series of one sequence (geometry cannot choose), and for odd names.

    A name is part of a column's name, `<series>/<region>/<feature>`.
    """
    unnamed = [sequence for sequence in sequences if not sequence or "/" in sequence]
    if unnamed:
        raise SourceError(
            where,
            expected="a sequence with a name without /",
            got=repr(unnamed[0]),
            remedy="Name it in the column sequence of series.csv.",
        )
    repeated = [sequence for sequence, count in Counter(sequences).items() if count > 1]
    if repeated:
        raise SourceError(
            where,
            expected="one series a sequence",
            got=f"{Counter(sequences)[repeated[0]]} of {repeated[0]}",
            remedy="Drop the rows of series.csv that are not to be used, or give them another sequence.",
        )


def raster(reference: VoxelGrid, spacing_mm: tuple[float, float, float] | None) -> VoxelGrid:
    """Return a grid with the reference's axes and centre at another spacing; its own where None.

    Each side is the nearest whole number of voxels to the reference's, at least one.
    """
    if spacing_mm is None:
        return reference
    told = reference.spacing
    x, y, z = (
        max(1, math.floor(n * old / new + 0.5))
        for n, old, new in zip(reference.size, told, spacing_mm, strict=True)
    )
    affine = np.eye(4)
    affine[:3, :3] = reference.directions * np.array(spacing_mm)
    centre = reference.centres((np.array([reference.size]) - 1) / 2)[0]
    affine[:3, 3] = centre - affine[:3, :3] @ ((np.array([x, y, z]) - 1) / 2)
    return VoxelGrid(size=(x, y, z), affine=affine)


def crop_box(
    masks: Collection[Bool[np.ndarray[Any, Any], "x y z"]],
    grid: VoxelGrid,
    margin_mm: float | None,
) -> tuple[Box, CropRule]:
    """Return start and size of the box around all masks together, `margin_mm` wider on every side.

    Parameters
    ----------
    masks
        On `grid`.
    margin_mm
        Rounded up to whole voxels; None where the spacing is not known, which leaves the whole volume: a
        margin in voxels would be another one in every patient.
    """
    whole: Box = ((0, 0, 0), grid.size)
    if margin_mm is None:
        return whole, "whole: spacing unknown"
    if not masks:
        return whole, "whole: no mask"
    spans = [_span(masks, axis) for axis in range(3)]
    if None in spans:
        return whole, "whole: empty masks"
    start, size = [], []
    for span, n, step in zip(spans, grid.size, grid.spacing, strict=True):
        assert span is not None
        margin = math.ceil(margin_mm / step - 1e-6)
        first, last = max(0, span[0] - margin), min(n - 1, span[1] + margin)
        start.append(first)
        size.append(last - first + 1)
    return ((start[0], start[1], start[2]), (size[0], size[1], size[2])), "around the masks"


def _span(masks: Collection[Bool[np.ndarray[Any, Any], "x y z"]], axis: int) -> tuple[int, int] | None:
    """Return the first and last index along an axis with a voxel of any mask; None where there is none."""
    others = tuple({0, 1, 2} - {axis})
    filled = np.flatnonzero(np.any([mask.any(axis=others) for mask in masks], axis=0))
    return (int(filled[0]), int(filled[-1])) if len(filled) else None
