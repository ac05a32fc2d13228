"""What can segment: one series goes in, whole-number labels on its grid come out.

Enters: nothing. Leaves: the one interface that `python -m extract segment` knows, so that a network fitted
here and one whose weights somebody else published are used the same way.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from jaxtyping import UInt8

from extract.volumes.volume import SeriesOnGrid


class Segmenter(Protocol):
    """Gives every voxel of a series a label; 0 is background and has no name.

    `labels` maps each other value to the name of its structure. `training_case_ids` lists, sorted, the cases
    that the weights were fitted on; None where whoever published them does not say.
    """

    @property
    def labels(self) -> dict[int, str]:
        """Return value -> name of the structure; 0 (background) is not among them."""

    @property
    def training_case_ids(self) -> tuple[str, ...] | None:
        """Return the cases that it learnt from, sorted; None where that is not known."""

    def segment(self, series: SeriesOnGrid) -> UInt8[np.ndarray[Any, Any], "x y z"]:
        """Label every voxel of a series.

        Parameters
        ----------
        series
            As it was read, on its own grid; NaN = outside the field of view. A segmenter that needs
            millimetres refuses one whose spacing is not known: 1 x 1 x 1 mm in itself says neither.

        Returns
        -------
        UInt8[np.ndarray, "x y z"]
            On the same grid, the same voxels in the same order: 0 or a key of `labels`.

        Raises
        ------
        SourceError
            A series that it was not made for.
        """
