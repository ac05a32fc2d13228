"""Headers that lie: slides, volumes and masks whose tags say what cannot be. Each is one case.

Enters: a hostile cohort, a case id, a lie. Leaves: the file and its row. `word` is what a refusal must hold
(any of the alternatives of a pattern) so that a person knows which field to look at; where a decoder alone
can tell that something is wrong, the decoder. `TRUTHS` are the same files without a lie, which are taken.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from tests.trials.bomb_files import mha, nifti_header, rgb_tags, tiff
from tests.trials.hostile_cohort import HostileCohort
from tests.trials.small_cohort import slide_pixels, write_slide

SIZE = (16, 16, 8)
VOXEL_BYTES = 2 * SIZE[0] * SIZE[1] * SIZE[2]
NAN, INF = float("nan"), float("inf")
SCALE = "um per pixel|XResolution|resolution"
SPACING = "spacing|ElementSpacing|finite|pixdim"
AXES = "span a volume|TransformMatrix|sform|finite|spacing"


@dataclass(frozen=True)
class Lie:
    """What is said (`fields`), of which kind of file, and which word the refusal owes."""

    kind: Literal["tiff", "aperio", "pyramid", "mha", "nifti", "mask", "manifest"]
    word: str
    fields: dict[Any, Any] = field(default_factory=dict)

    def plant(self, cohort: HostileCohort, case: str) -> None:
        """Write the file into the cohort."""
        {
            "tiff": _tiff,
            "aperio": _aperio,
            "pyramid": _pyramid,
            "mha": _mha,
            "nifti": _nifti,
            "mask": _mask,
            "manifest": _manifest,
        }[self.kind](cohort, case, self.fields)


def _resolution(x: tuple[int, int], y: tuple[int, int], unit: int = 3) -> dict[int, Any]:
    return {282: (5, x), 283: (5, y), 296: (3, (unit,))}


LIES = (
    Lie("tiff", SCALE, _resolution((0, 1), (0, 1))),
    Lie("tiff", SCALE, _resolution((0, 0), (0, 0))),
    Lie("tiff", SCALE, _resolution((1, 0), (1, 0))),
    Lie("tiff", SCALE, _resolution((1, 100), (1, 100))),  # 1e6 um
    Lie("tiff", SCALE, _resolution((4_000_000_000, 1), (4_000_000_000, 1))),
    Lie("tiff", SCALE, _resolution((72, 1), (72, 1), unit=2)),
    Lie("tiff", SCALE, _resolution((20000, 1), (20000, 1), unit=1)),
    Lie("tiff", SCALE, _resolution((20000, 1), (0, 1))),
    Lie("tiff", "ImageWidth", {256: (4, (0,))}),
    Lie("tiff", "ImageLength", {257: (4, (0,))}),
    Lie("tiff", "ImageWidth", {256: (4, (2**31,))}),
    Lie("tiff", "ImageLength", {257: (4, (2**32 - 1,))}),
    Lie("tiff", "TileWidth", {322: (4, (0,))}),
    Lie("tiff", "TileLength", {323: (4, (2**31,))}),
    Lie("tiff", "1 channel|SamplesPerPixel", {277: (3, (1,)), 258: (3, (8,)), 262: (3, (1,))}),
    Lie("tiff", "uint16|BitsPerSample", {258: (3, (16, 16, 16))}),
    Lie("tiff", "Compression", {259: (3, (999,))}),
    Lie("tiff", "openslide opens|TileOffsets", {324: (4, (2**31,) * 4)}),
    Lie("aperio", SCALE, {"MPP": "0"}),
    Lie("aperio", SCALE, {"MPP": "nan"}),
    Lie("aperio", SCALE, {"MPP": "1e6"}),
    Lie("aperio", SCALE, {"MPP": "-0.5"}),
    Lie("aperio", SCALE, {"MPP": "inf"}),
    Lie("aperio", SCALE, {"MPP": "about half"}),
    Lie("pyramid", "level 1", {"size_px": (512, 128)}),
    Lie("pyramid", "level 1", {"size_px": (64, 256)}),
    Lie("manifest", SCALE + "|mpp", {"mpp": 0}),
    Lie("manifest", SCALE + "|mpp", {"mpp": -0.5}),
    Lie("manifest", SCALE + "|mpp", {"mpp": "1e6"}),
    Lie("mha", SPACING, {"ElementSpacing": "0 1 3"}),
    Lie("mha", SPACING, {"ElementSpacing": "nan 1 3"}),
    Lie("mha", SPACING, {"ElementSpacing": "1e6 1e6 3"}),
    Lie("mha", SPACING, {"ElementSpacing": "1 inf 3"}),
    Lie("mha", SPACING + "|numbers", {"ElementSpacing": "1 1"}),
    Lie("mha", AXES, {"TransformMatrix": "0 0 0 0 0 0 0 0 0"}),
    Lie("mha", AXES, {"TransformMatrix": "1 0 0 1 0 0 0 0 1"}),
    Lie("mha", AXES, {"TransformMatrix": "nan 0 0 0 1 0 0 0 1"}),
    Lie("mha", "Offset|finite", {"Offset": "nan 0 0"}),
    Lie("mha", "axes|sizes", {"NDims": 2}),
    Lie("mha", "DimSize", {"DimSize": "0 16 8"}),
    Lie("mha", "DimSize", {"DimSize": "-16 16 8"}),
    Lie("mha", "DimSize", {"DimSize": "2147483648 2147483648 8"}),
    Lie("mha", "bytes of voxels|too short", {"DimSize": "16 16 9"}),
    Lie("mha", "MetaImage header|ElementType", {"ElementType": "MET_STRING"}),
    Lie("mha", "values a voxel|Channels", {"ElementNumberOfChannels": 3}),
    Lie("mha", "as text|BinaryData", {"BinaryData": "False"}),
    Lie("nifti", r"0 axes|\bdim\b", {"dims": (0, 16, 16, 8, 1, 1, 1, 1)}),
    Lie("nifti", r"8 axes|\bdim\b", {"dims": (8, 16, 16, 8, 1, 1, 1, 1)}),
    Lie("nifti", r"\bdim\b", {"dims": (3, -16, 16, 8, 1, 1, 1, 1)}),
    Lie("nifti", r"\bdim\b", {"dims": (3, 0, 16, 8, 1, 1, 1, 1)}),
    Lie("nifti", AXES, {"rows": (0.0,) * 12}),
    Lie("nifti", AXES, {"rows": (1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 3.0, 0.0)}),
    Lie("nifti", AXES, {"rows": (NAN,) * 12}),
    Lie("nifti", SPACING, {"rows": (1e6, 0.0, 0.0, 0.0, 0.0, 1e6, 0.0, 0.0, 0.0, 0.0, 3.0, 0.0)}),
    Lie("nifti", SPACING, {"sform": 0, "pixdim": (1.0, 0.0, 1.0, 3.0, 1.0, 1.0, 1.0, 1.0)}),
    Lie("nifti", SPACING, {"sform": 0, "pixdim": (1.0, NAN, 1.0, 3.0, 1.0, 1.0, 1.0, 1.0)}),
    Lie("nifti", "datatype", {"datatype": 128, "bitpix": 24}),
    Lie("nifti", "datatype", {"datatype": 9999}),
    Lie("nifti", "vox_offset", {"vox_offset": NAN}),
    Lie("nifti", "vox_offset", {"vox_offset": -1e9}),
    Lie("nifti", "scl_slope", {"slope": INF}),
    Lie("nifti", "NIfTI-1 header", {"magic": b"xyz\0"}),
    Lie("mask", "origin 5 mm", {"Offset": "5 0 0"}),
    Lie("mask", "corner 15 mm", {"ElementSpacing": "2 1 3"}),
    Lie("mask", "8 x 32 x 8 voxels", {"DimSize": "8 32 8"}),
)
#: The same files, telling the truth.
TRUTHS = (
    Lie("tiff", ""),
    Lie("aperio", "", {"MPP": "0.5"}),
    Lie("pyramid", "", {"size_px": (256, 256)}),
    Lie("manifest", "", {"mpp": 0.5}),
    Lie("mha", ""),
    Lie("nifti", ""),
    Lie("mask", ""),
)


def _tiff(cohort: HostileCohort, case: str, fields: dict[int, Any]) -> None:
    data = zlib.compress(slide_pixels(np.random.default_rng(1), 256).tobytes())
    tiff(cohort.file(f"{case}.tif"), rgb_tags((512, 512), 256, data) | fields, data)
    cohort.add_slide(case, f"{case}.tif")


def _aperio(cohort: HostileCohort, case: str, fields: dict[str, str]) -> None:
    text = "Aperio Image Library v10.0\r\n512x512 (256x256) JPEG/RGB|AppMag = 20|MPP = " + fields["MPP"]
    pixels = slide_pixels(np.random.default_rng(2))
    write_slide(cohort.file(f"{case}.svs"), pixels, mpp=1e4, description=text)
    cohort.add_slide(case, f"{case}.svs")


def _pyramid(cohort: HostileCohort, case: str, fields: dict[str, Any]) -> None:
    """A second level in another shape than the first."""
    import tifffile

    width, height = fields["size_px"]
    pixels = slide_pixels(np.random.default_rng(3))
    options: dict[str, Any] = {
        "tile": (256, 256),
        "photometric": "rgb",
        "compression": "jpeg",
        "metadata": None,
    }
    scale: dict[str, Any] = {"resolution": (20000, 20000), "resolutionunit": "CENTIMETER"}
    with tifffile.TiffWriter(cohort.file(f"{case}.tif")) as file:
        file.write(pixels, **options, **scale)
        file.write(pixels[:height, :width], subfiletype=1, **options)
    cohort.add_slide(case, f"{case}.tif")


def _manifest(cohort: HostileCohort, case: str, fields: dict[str, Any]) -> None:
    write_slide(cohort.file(f"{case}.tif"), slide_pixels(np.random.default_rng(4)))
    cohort.add_slide(case, f"{case}.tif", mpp=fields["mpp"])


def _mha(cohort: HostileCohort, case: str, fields: dict[str, Any]) -> None:
    mha(cohort.file(f"{case}.mha"), SIZE, _voxels(), **fields)
    cohort.add_study(case, {"t2w": f"{case}.mha"})


def _nifti(cohort: HostileCohort, case: str, fields: dict[str, Any]) -> None:
    cohort.file(f"{case}.nii").write_bytes(nifti_header(SIZE, **fields) + _voxels())
    cohort.add_study(case, {"t2w": f"{case}.nii"})


def _mask(cohort: HostileCohort, case: str, fields: dict[str, Any]) -> None:
    mha(cohort.file(f"{case}.mha"), SIZE, _voxels())
    ones = struct.pack("<h", 1) * (VOXEL_BYTES // 2)
    mha(cohort.file(f"{case}_mask.mha"), SIZE, ones, **fields)
    cohort.add_study(case, {"t2w": f"{case}.mha"}, f"{case}_mask.mha")


def _voxels() -> bytes:
    return np.random.default_rng(5).integers(900, 1500, VOXEL_BYTES // 2).astype("<i2").tobytes()
