"""What this machine can run: each library with its version, and what to do where one is missing.

Enters: nothing. Leaves: rows for `python -m extract doctor`. Nothing is downloaded.
"""

from __future__ import annotations

import importlib
import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from extract.encoders.registry import REMEDIES

Verdict = Literal["PASS", "WARN", "FAIL"]

#: module to import, distribution, what it is for, and, of what one can do without, how to get it
LIBRARIES = (
    ("zarr", "zarr", "the cache", None),
    ("h5py", "h5py", "the cache as HDF5", None),
    ("openslide", "openslide-python", "slides: SVS, MRXS, NDPI, generic TIFF", None),
    ("tiffslide", "tiffslide", "slides: OME-TIFF", None),
    ("tifffile", "tifffile", "TIFF headers and tissue masks", None),
    ("imagecodecs", "imagecodecs", "JPEG and JPEG 2000 inside TIFF", None),
    ("scipy", "scipy", "tissue and nuclei", None),
    ("skimage", "scikit-image", "volumes: the surface of a region", None),
    ("pydicom", "pydicom", "volumes: DICOM", None),
    ("torch", "torch", "every network, and attention-MIL in stage 2", REMEDIES["torch"]),
    ("transformers", "transformers", "Phikon-v2, DINOv2 and BERT", REMEDIES["transformers"]),
    ("timm", "timm", "UNI, UNI2-h, Virchow2, H-optimus-0, ResNet50, MobileNetV2", REMEDIES["timm"]),
)
ENOUGH_FREE_GB = 5.0


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the doctor's table."""

    verdict: Verdict
    subject: str
    found: str
    remedy: str


def examine() -> list[Finding]:
    """Import every library and look at Python and the disk."""
    findings = [
        Finding(
            verdict="PASS" if (3, 11) <= sys.version_info < (3, 14) else "WARN",
            subject="Python",
            found=".".join(map(str, sys.version_info[:3])),
            remedy="Braid is tested on 3.11 to 3.13.",
        )
    ]
    findings.extend(_library(*library) for library in LIBRARIES)
    free_gb = shutil.disk_usage(Path.cwd()).free / 1e9
    findings.append(
        Finding(
            verdict="PASS" if free_gb > ENOUGH_FREE_GB else "WARN",
            subject="disk",
            found=f"{free_gb:.0f} GB free here",
            remedy="`python -m extract plan` says how large the cache can get.",
        )
    )
    return findings


def _library(module: str, distribution: str, purpose: str, optional: str | None) -> Finding:
    subject = f"{distribution} ({purpose})"
    try:
        importlib.import_module(module)
        return Finding(verdict="PASS", subject=subject, found=version(distribution), remedy="")
    except (ImportError, OSError, RuntimeError, PackageNotFoundError) as error:  # RuntimeError: torchvision
        return Finding(
            verdict="FAIL" if optional is None else "WARN",
            subject=subject,
            found=f"cannot be imported ({type(error).__name__})",
            remedy="Run `make install`." if optional is None else optional,
        )
