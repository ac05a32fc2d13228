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

Verdict = Literal["PASS", "WARN", "FAIL"]

#: module to import, distribution, what it is for, and whether stage 1 cannot do without it
LIBRARIES = (
    ("zarr", "zarr", "the cache", True),
    ("h5py", "h5py", "the cache as HDF5", True),
    ("openslide", "openslide-python", "slides: SVS, MRXS, NDPI, generic TIFF", True),
    ("tiffslide", "tiffslide", "slides: OME-TIFF", True),
    ("tifffile", "tifffile", "TIFF headers and tissue masks", True),
    ("imagecodecs", "imagecodecs", "JPEG and JPEG 2000 inside TIFF", True),
    ("scipy", "scipy", "tissue and nuclei", True),
    ("torch", "torch", "attention-MIL in stage 2", False),
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


def _library(module: str, distribution: str, purpose: str, needed: bool) -> Finding:
    subject = f"{distribution} ({purpose})"
    try:
        importlib.import_module(module)
        return Finding(verdict="PASS", subject=subject, found=version(distribution), remedy="")
    except (ImportError, OSError, PackageNotFoundError) as error:
        return Finding(
            verdict="FAIL" if needed else "WARN",
            subject=subject,
            found=f"cannot be imported ({type(error).__name__})",
            remedy="Run `make install`." if needed else "Not needed for weight-free encoders.",
        )
