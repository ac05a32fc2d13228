"""MetaImage volumes written by hand: the header is twelve lines, and no library of 50 MB is needed for them.

Enters: an array (z, y, x) and its grid in ITK's frame (LPS mm). Leaves: an uncompressed .mha.
Format: MetaIO, https://itk.org/Wiki/ITK/MetaIO/Documentation.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int16, UInt8

ELEMENT_TYPES = {np.dtype(np.int16): "MET_SHORT", np.dtype(np.uint8): "MET_UCHAR"}


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Voxels in space: `size` and `spacing_mm` as (x, y, z), columns of `direction` are the axes, LPS mm."""

    size: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_lps_mm: Float[np.ndarray, " 3"]
    direction: Float[np.ndarray, "3 3"]

    def positions_lps_mm(self) -> Float[np.ndarray, "z y x 3"]:
        """Return where every voxel's centre is."""
        z, y, x = np.meshgrid(*(np.arange(n) for n in reversed(self.size)), indexing="ij")
        steps = np.stack([x, y, z], axis=-1) * np.array(self.spacing_mm)
        positions: Float[np.ndarray, "z y x 3"] = steps @ self.direction.T + self.origin_lps_mm
        return positions


def write_mha(
    path: Path, voxels: Int16[np.ndarray, "z y x"] | UInt8[np.ndarray, "z y x"], grid: Grid
) -> None:
    """Write the volume; the transform matrix lists the axes one after the other."""
    header = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": "False",
        "TransformMatrix": _numbers(grid.direction.T.ravel()),
        "Offset": _numbers(grid.origin_lps_mm),
        "CenterOfRotation": "0 0 0",
        "AnatomicalOrientation": "RAI",
        "ElementSpacing": _numbers(np.array(grid.spacing_mm)),
        "DimSize": " ".join(str(n) for n in grid.size),
        "ElementType": ELEMENT_TYPES[voxels.dtype],
        "ElementDataFile": "LOCAL",
    }
    lines = "".join(f"{key} = {value}\n" for key, value in header.items())
    little_endian = voxels.astype(voxels.dtype.newbyteorder("<"))
    path.write_bytes(lines.encode("ascii") + little_endian.tobytes())


def _numbers(values: Float[np.ndarray, " number"]) -> str:
    return " ".join(f"{value:.10g}" for value in values)
