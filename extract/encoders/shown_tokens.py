"""Tokens of a network that was shown a series by its contract: placed in the patient and pooled in regions.

Enters: tokens, where each lies on the axes of what was shown. Leaves: an `EncodedSeries` that says with it
what was shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from extract.encoders.card import EncodedSeries
from extract.encoders.input_contract import ShownSeries
from extract.encoders.radiological_view import RadiologicalView, place
from extract.volumes.volume import SeriesOnGrid

Axis = Float[np.ndarray[Any, Any], " step"]


def place_tokens(
    tokens: Float[np.ndarray[Any, Any], "token dim"],
    centres: tuple[Axis, Axis, Axis],
    shown: ShownSeries,
    series: SeriesOnGrid,
    regions: Mapping[str, Bool[np.ndarray[Any, Any], "x y z"]],
) -> EncodedSeries:
    """Place and pool tokens.

    Parameters
    ----------
    tokens
        One row for each slice, row and column of the network's map, columns fastest.
    centres
        Of the slices, rows and columns of that map, in voxels of what was shown.
    shown, series, regions
        What the network was shown, the series that it was made of, and the regions on that series' grid.

    Returns
    -------
    EncodedSeries
        Without the tokens whose centre is outside the field of view; `shown` says what was done.
    """
    order = [2, 1, 0, 3]  # (slice, row, column) of a view, (column, row, slice) of what was shown
    turned = RadiologicalView(voxels=shown.voxels.transpose(2, 1, 0), affine=shown.affine[:, order])
    where = np.stack(np.meshgrid(*centres, indexing="ij"), axis=-1).reshape(-1, 3)
    return replace(place(tokens, where, turned, series, regions), shown=shown.applied)
