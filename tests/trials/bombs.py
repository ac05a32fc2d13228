"""Slides, masks, volumes and notes that would take gigabytes: each a case of a hostile cohort.

Enters: a hostile cohort, a case id. Leaves: the file and its rows. What would fill the memory without being a
raw file (tables, recipes, entries of a cache) is in `size_bombs.py`.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.trials.bomb_files import LARGE, deflated_zeros, hole, mha, nifti_header, rgb_tags, tiff
from tests.trials.hostile_cohort import HostileCohort
from tests.trials.small_cohort import slide_pixels, write_slide

Bomb = Callable[[HostileCohort, str], None]
#: Sides of an RGB tile, of a mask and of a volume of shorts of about `LARGE` bytes, deflated to some MB.
TILE_PX, MASK_PX, VOXELS = 32768, 57344, (1280, 1280, 1024)
#: Most that a 16-bit and a 32-bit signed size can say.
MOST_16, MOST_32 = 2**15 - 1, 2**31 - 1


def slide_side(cohort: HostileCohort, case: str) -> None:
    data = deflated_zeros(2**20)
    tiff(cohort.file(f"{case}.tif"), rgb_tags((MOST_32, MOST_32), 256, data), data)
    cohort.add_slide(case, f"{case}.tif", mpp=0.5)


def slide_tile(cohort: HostileCohort, case: str) -> None:
    data = deflated_zeros(3 * TILE_PX**2)
    tiff(cohort.file(f"{case}.tif"), rgb_tags((TILE_PX, TILE_PX), TILE_PX, data), data)
    cohort.add_slide(case, f"{case}.tif", mpp=0.5)


def slide_strip(cohort: HostileCohort, case: str) -> None:
    data = deflated_zeros(3 * TILE_PX**2)
    tags = rgb_tags((TILE_PX, TILE_PX), TILE_PX, data)
    strips = {273: (4, (8,)), 278: (4, (TILE_PX,)), 279: (4, (len(data),))}
    tiff(cohort.file(f"{case}.tif"), {n: v for n, v in tags.items() if n < 322} | strips, data)
    cohort.add_slide(case, f"{case}.tif", mpp=0.5)


def slide_jpeg_tile(cohort: HostileCohort, case: str) -> None:
    """A JPEG tile of 256 pixels whose own header says 65,500."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(slide_pixels(np.random.default_rng(0), 256)).save(stream, "JPEG", quality=80)
    data = bytearray(stream.getvalue())
    frame = data.index(b"\xff\xc0")
    struct.pack_into(">HH", data, frame + 5, 65500, 65500)
    tiff(cohort.file(f"{case}.tif"), rgb_tags((512, 512), 256, bytes(data), compression=7), bytes(data))
    cohort.add_slide(case, f"{case}.tif", mpp=0.5)


def slide_text(cohort: HostileCohort, case: str) -> None:
    """A description of gigabytes, in a file that has them as a hole."""
    path = cohort.file(f"{case}.tif")
    data = deflated_zeros(2**20)
    tiff(path, rgb_tags((512, 512), 256, data) | {270: (2, b"x" * 64)}, data)
    raw = bytearray(path.read_bytes())
    cell = raw.index(struct.pack("<HHI", 270, 2, 64))
    struct.pack_into("<II", raw, cell + 4, LARGE, len(raw))
    path.write_bytes(raw)
    with path.open("r+b") as stream:
        stream.truncate(len(raw) + LARGE)
    cohort.add_slide(case, path.name, mpp=0.5)


def slide_pages(cohort: HostileCohort, case: str) -> None:
    """Pages that follow each other in a circle."""
    path = cohort.file(f"{case}.tif")
    data = deflated_zeros(2**20)
    tags = rgb_tags((512, 512), 256, data)
    tiff(path, tags, data)
    raw = bytearray(path.read_bytes())
    (page,) = struct.unpack_from("<I", raw, 4)
    struct.pack_into("<I", raw, page + 2 + 12 * len(tags), page)
    path.write_bytes(raw)
    cohort.add_slide(case, path.name, mpp=0.5)


def mask_pixels(cohort: HostileCohort, case: str) -> None:
    _with_mask(cohort, case, MASK_PX, deflated_zeros(MASK_PX**2))


def mask_side(cohort: HostileCohort, case: str) -> None:
    _with_mask(cohort, case, MOST_32, deflated_zeros(2**20))


def mha_packed(cohort: HostileCohort, case: str) -> None:
    _series(cohort, case, lambda path: mha(path, VOXELS, deflated_zeros(_bytes()), CompressedData="True"))


def mha_size(cohort: HostileCohort, case: str) -> None:
    _series(cohort, case, lambda path: mha(path, (MOST_32,) * 3, b"\0" * 64))


def mha_stream(cohort: HostileCohort, case: str) -> None:
    """Few voxels by the header, gigabytes in the stream."""
    _series(cohort, case, lambda path: mha(path, (16, 16, 8), deflated_zeros(LARGE), CompressedData="True"))


def mha_line(cohort: HostileCohort, case: str) -> None:
    _series(cohort, case, hole)


def nifti_size(cohort: HostileCohort, case: str) -> None:
    _series(cohort, case, lambda path: path.write_bytes(nifti_header((MOST_16,) * 3) + bytes(64)), ".nii")


def nifti_gz_size(cohort: HostileCohort, case: str) -> None:
    _series(cohort, case, lambda path: _gzipped(path, (MOST_16,) * 3, 2**20), ".nii.gz")


def nifti_gz_voxels(cohort: HostileCohort, case: str) -> None:
    _series(cohort, case, lambda path: _gzipped(path, VOXELS, _bytes()), ".nii.gz")


def nifti_gz_stream(cohort: HostileCohort, case: str) -> None:
    _series(cohort, case, lambda path: _gzipped(path, (16, 16, 8), LARGE), ".nii.gz")


def nifti_gz_offset(cohort: HostileCohort, case: str) -> None:
    """Voxels that begin gigabytes behind the header."""
    _series(cohort, case, lambda path: _gzipped(path, (16, 16, 8), LARGE, vox_offset=float(LARGE)), ".nii.gz")


def nifti_gz_axes(cohort: HostileCohort, case: str) -> None:
    _series(cohort, case, lambda path: _gzipped(path, (16, 16, 8, 999, 999, 99, 9), 2**20), ".nii.gz")


def npz_size(cohort: HostileCohort, case: str) -> None:
    """An array in a zip whose header says gigabytes."""
    import zipfile

    def write(path: Path) -> None:
        header = f"{{'descr': '<i2', 'fortran_order': False, 'shape': {(*VOXELS,)}, }}"
        packed = b"\x93NUMPY\x01\0" + struct.pack("<H", len(header) + 1) + header.encode() + b"\n"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("image.npy", packed + bytes(2**20))

    _series(cohort, case, write, ".npz")


def hdf5_size(cohort: HostileCohort, case: str) -> None:
    """A dataset of gigabytes of which no chunk was ever written."""
    import h5py

    def write(path: Path) -> None:
        with h5py.File(path, "w") as file:
            file.create_dataset("image", shape=VOXELS, dtype="<i2", chunks=(64, 64, 64), compression="gzip")

    _series(cohort, case, write, ".h5")


def volume_mask(cohort: HostileCohort, case: str) -> None:
    """A sound series whose mask is a bomb."""
    mha(cohort.file(f"{case}.mha"), (16, 16, 8), bytes(2 * 16 * 16 * 8))
    mha(cohort.file(f"{case}_mask.mha"), VOXELS, deflated_zeros(_bytes()), CompressedData="True")
    cohort.add_study(case, {"t2w": f"{case}.mha"}, f"{case}_mask.mha")


def note_file(cohort: HostileCohort, case: str) -> None:
    hole(cohort.file(f"{case}.txt"))
    cohort.add_note(case, f"{case}.txt")


def note_table(cohort: HostileCohort, case: str) -> None:
    hole(cohort.file(f"{case}.csv"))
    cohort.card["note_key"] = "case_id"
    cohort.add_note(case, f"{case}.csv", "text")


RAW_BOMBS: tuple[Bomb, ...] = (
    slide_tile,
    nifti_gz_voxels,
    mask_pixels,
    mha_packed,
    slide_side,
    nifti_gz_size,
    mha_stream,
    slide_strip,
    nifti_size,
    slide_jpeg_tile,
    note_file,
    note_table,
    mha_size,
    nifti_gz_stream,
    slide_text,
    slide_pages,
    mask_side,
    mha_line,
    nifti_gz_offset,
    nifti_gz_axes,
    npz_size,
    hdf5_size,
    volume_mask,
)


def _bytes() -> int:
    return 2 * VOXELS[0] * VOXELS[1] * VOXELS[2]


def _with_mask(cohort: HostileCohort, case: str, side_px: int, data: bytes) -> None:
    """A sound slide whose tissue mask is a bomb of the slide's shape."""
    write_slide(cohort.file(f"{case}.tif"), slide_pixels(np.random.default_rng(1)))
    tags = {
        256: (4, (side_px,)),
        257: (4, (side_px,)),
        258: (3, (8,)),
        259: (3, (8,)),
        262: (3, (1,)),
        273: (4, (8,)),
        277: (3, (1,)),
        278: (4, (side_px,)),
        279: (4, (len(data),)),
    }
    tiff(cohort.file(f"{case}_tissue.tif"), tags, data)
    cohort.add_slide(case, f"{case}.tif", f"{case}_tissue.tif")


def _series(cohort: HostileCohort, case: str, write: Callable[[Path], object], end: str = ".mha") -> None:
    write(cohort.file(f"{case}{end}"))
    cohort.add_study(case, {"t2w": f"{case}{end}"})


def _gzipped(path: Path, size: tuple[int, ...], zeros: int, **fields: object) -> None:
    """A gzip of two members: the header, and as many zeros as told."""
    import gzip

    path.write_bytes(gzip.compress(nifti_header(size, **fields)) + deflated_zeros(zeros, gzip=True))
