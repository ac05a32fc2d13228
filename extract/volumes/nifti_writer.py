"""NIfTI-1 volumes written by hand: 348 bytes of header, gzip without a clock.

Enters: an array (x, y, z) of float32, or of labels as uint8, and an affine to RAS. Leaves: a .nii.gz with the
same bytes every time. Format: https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h
"""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

HEADER_BYTES, DATA_START = 348, 352
#: NIfTI's datatype and bits of a voxel.
FLOAT32, UINT8 = (16, 32), (2, 8)
MM_AND_SECONDS = 10
SCANNER = 1


def write_nifti(
    path: Path,
    voxels: Float[np.ndarray, "x y z"] | UInt8[np.ndarray, "x y z"],
    affine: Float[np.ndarray, "4 4"],
) -> None:
    """Write the volume with the affine as sform; zooms are the lengths of its columns, no qform.

    Labels (uint8) stay what they are; everything else is written as float32.
    """
    labels = voxels.dtype == np.uint8
    header = bytearray(DATA_START)
    zooms = np.linalg.norm(affine[:3, :3], axis=0)
    struct.pack_into("<i", header, 0, HEADER_BYTES)
    struct.pack_into("<8h", header, 40, 3, *voxels.shape, 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, *(UINT8 if labels else FLOAT32))
    struct.pack_into("<8f", header, 76, 1.0, *zooms, 0.0, 0.0, 0.0, 0.0)
    struct.pack_into("<3f", header, 108, DATA_START, 1.0, 0.0)
    struct.pack_into("<B", header, 123, MM_AND_SECONDS)
    struct.pack_into("<2h", header, 252, 0, SCANNER)
    struct.pack_into("<12f", header, 280, *affine[:3].ravel())
    header[344:348] = b"n+1\0"
    data = voxels.astype("u1" if labels else "<f4").tobytes(order="F")
    path.write_bytes(gzip.compress(bytes(header) + data, compresslevel=6, mtime=0))
