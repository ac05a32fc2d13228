"""One moment of a series over time as a volume of its own: what stands for the series where time is no axis.

Enters: voxels of a frame, or of several averaged, and the opened file that they are from. Leaves: a
`StoredVolume`, so that a moment is laid on grids, masked and looked at as any other series.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Shaped

from extract.volumes.stored import StoredVolume
from feature_cache.canonical import Json


@dataclass(frozen=True, kw_only=True, eq=False)
class Moment(StoredVolume):
    """Voxels that were read already; `told` is what the entry keeps of them."""

    voxels: Shaped[np.ndarray[Any, Any], "x y z"]
    known: bool
    told: dict[str, Json]

    @property
    def spacing_known(self) -> bool:
        """As of the file."""
        return self.known

    @property
    def described(self) -> dict[str, Json]:
        """See `StoredVolume.described`."""
        return self.told

    def read_points(self) -> Iterator[Shaped[np.ndarray[Any, Any], "x y z"]]:
        """Yield the voxels."""
        yield self.voxels


def moment_of(
    stored: StoredVolume,
    voxels: Shaped[np.ndarray[Any, Any], "x y z"],
    told: dict[str, Json],
    warnings: tuple[str, ...] = (),
) -> Moment:
    """Return voxels on the grid of an opened file as a volume."""
    return Moment(
        path=stored.path,
        shape=stored.shape,
        dtype=voxels.dtype,
        affine=stored.affine,
        geometry_fields=stored.geometry_fields,
        placed=stored.placed,
        packed=stored.packed,
        warnings=(*stored.warnings, *warnings),
        voxels=voxels,
        known=stored.spacing_known,
        told={**stored.described, **told},
    )
