"""A CHIMERA download in small: three cases with every quirk of the clinical JSON that the facts list."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

FULL: dict[str, Any] = {
    "age_at_prostatectomy": 63,
    "primary_gleason": 4,
    "secondary_gleason": 3,
    "tertiary_gleason": "",
    "ISUP": 3,
    "pre_operative_PSA": 7.4,
    "BCR": "1.0",
    "time_to_follow-up/BCR": 12.5,
    "BCR_PSA": 0.21,
    "pT_stage": "3a",
    "positive_lymph_nodes": "x",
    "capsular_penetration": "1.0",
    "invasion_seminal_vesicles": "0",
    "positive_surgical_margins": 2,
    "lymphovascular_invasion": "0.0",
    "earlier_therapy": "radiotherapy + hormones",
}


def write_slide(path: Path, size_px: tuple[int, int] = (256, 192), mpp: float | None = 0.25) -> None:
    """Write a plain RGB slide; without mpp it has no resolution tag that counts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    resolution = {} if mpp is None else {"resolution": (1e4 / mpp, 1e4 / mpp), "resolutionunit": "CENTIMETER"}
    pixels = np.full((size_px[1], size_px[0], 3), 200, dtype=np.uint8)
    tifffile.imwrite(
        path, pixels, tile=(64, 64), photometric="rgb", compression="jpeg", metadata=None, **resolution
    )


def write_mask(path: Path, size_px: tuple[int, int] = (32, 24), mpp: float = 2.0) -> None:
    """Write a one-channel mask of ones."""
    pixels = np.ones((size_px[1], size_px[0]), dtype=np.uint8)
    tifffile.imwrite(
        path, pixels, resolution=(1e4 / mpp, 1e4 / mpp), resolutionunit="CENTIMETER", metadata=None
    )


def write_mha(
    path: Path,
    size: tuple[int, int, int],
    offset: float = 0.0,
    cut: int = 0,
    spacing_mm: str = "0.5 0.5 3",
) -> None:
    """Write an uncompressed volume of zeros, `cut` bytes short."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = (
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nCompressedData = False\n"
        f"TransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = {offset} 0 0\nElementSpacing = {spacing_mm}\n"
        f"DimSize = {size[0]} {size[1]} {size[2]}\nElementType = MET_SHORT\nElementDataFile = LOCAL\n"
    )
    path.write_bytes(header.encode() + bytes(2 * int(np.prod(size)) - cut))


def write_record(root: Path, case_id: str, record: object) -> None:
    """Write one clinical JSON where the download has it."""
    path = root / "clinical_data" / f"{case_id}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record), encoding="utf-8")


def write_chimera(root: Path) -> Path:
    """Write case 0071 whole (two slides, MRI, two notes), 1003 as a list with gaps, 1010 clinical alone."""
    write_record(root, "0071", FULL)
    gaps = {k: v for k, v in FULL.items() if k not in ("tertiary_gleason", "BCR_PSA")}
    write_record(root, "1003", [gaps | {"lymphovascular_invasion": None, "BCR": "0.0", "ISUP": 5}])
    write_record(root, "1010", FULL | {"pT_stage": "x", "earlier_therapy": "unknown", "BCR": 1})
    for item in ("0071_1", "0071_2"):
        write_slide(root / "pathology/images/0071" / f"{item}.tif")
        write_mask(root / "pathology/images/0071" / f"{item}_tissue.tif")
    for what, size in {"t2w": (8, 8, 4), "mask": (8, 8, 4), "adc": (4, 4, 4), "hbv": (4, 4, 4)}.items():
        write_mha(root / "radiology/images/0071" / f"0071_0001_{what}.mha", size)
    for number in (1, 2):
        path = root / "notes/0071" / f"0071_{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("A nodule on the left; PSA 7.4.", encoding="utf-8")
    return root
