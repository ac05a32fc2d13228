"""How much of each structure there is: voxels always, millilitres only where a voxel has a size.

Enters: labels of a study and its spacing. Leaves: a row a structure. A spacing that was lost (1 x 1 x 1,
plain arrays) gives no millilitres. What can be said without is the share of all that was segmented, and of
the voxels of the series.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import UInt8

COLUMNS = (
    "case_id", "study_id", "frame", "structure", "present", "voxels", "ml", "ml_state",
    "percent_of_segmented", "percent_of_series",
)  # fmt: skip
KNOWN, UNKNOWN = "observed", "unknown: no spacing in header or series.csv"


@dataclass(frozen=True, kw_only=True)
class StructureBurden:
    """One structure of one study. `ml` None: no size of a voxel is known. Shares are percentages.

    `percent_of_segmented` is None where nothing at all was segmented.
    """

    structure: str
    voxels: int
    ml: float | None
    percent_of_segmented: float | None
    percent_of_series: float

    def cells(self) -> tuple[str, ...]:
        """Return the cells of burden.csv after those that name the study."""
        return (
            self.structure,
            "true" if self.voxels else "false",
            str(self.voxels),
            _cell(self.ml),
            UNKNOWN if self.ml is None else KNOWN,
            _cell(self.percent_of_segmented),
            _cell(self.percent_of_series),
        )


def measure_burden(
    labels: UInt8[np.ndarray[Any, Any], "x y z"],
    structures: Mapping[int, str],
    spacing_mm: tuple[float, float, float] | None,
) -> list[StructureBurden]:
    """Count the voxels of every structure; `spacing_mm` (x, y, z) is None where it is not known."""
    counts = {name: int((labels == label).sum()) for label, name in structures.items()}
    segmented = sum(counts.values())
    return [
        StructureBurden(
            structure=name,
            voxels=count,
            ml=None if spacing_mm is None else count * math.prod(spacing_mm) / 1000,
            percent_of_segmented=100 * count / segmented if segmented else None,
            percent_of_series=100 * count / labels.size,
        )
        for name, count in counts.items()
    ]


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
