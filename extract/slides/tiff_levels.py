"""Which pages of a tiled JPEG TIFF are the levels of the slide, and what the file says of its scale.

Enters: an open TIFF whose pages were judged. Leaves: the levels with their tiles, or None where another
reader must take the file. The rules are those of openslide for Aperio and generic TIFF, and OME-XML's for
OME-TIFF; vendors whose levels need more than a page each (Philips pads them, Ventana and Leica place them,
Hamamatsu and Trestle have their own) stay with openslide.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import Any, Literal

from extract.limits import MOST_TIFF_PAGES
from extract.slides.tile_index import TileIndex, index_tiles

Vendor = Literal["aperio", "generic-tiff", "ome", "other"]

OME_SUFFIXES = (".ome.tif", ".ome.tiff", ".ome.btf", ".ome.tf8", ".ome.tf2")
_SOFTWARE, _XMP, _ICC, _NDPI = 305, 700, 34675, 65420
_X_RESOLUTION, _Y_RESOLUTION, _UNIT = 282, 283, 296
_UM_PER_UNIT = {2: 25_400, 3: 10_000}
#: tifffile's private units, which OME-TIFFs of some writers have.
_UM_PER_METRIC_UNIT = {4: 1_000, 5: 1}
_INCH, _REDUCED = 2, 1


@dataclass(frozen=True, kw_only=True)
class TiffLevels:
    """The levels of a slide from fine to coarse, and its scale as the file has it (None: it does not say)."""

    levels: tuple[TileIndex, ...]
    mpp: tuple[object, object]
    mpp_source: str
    icc_profile: bytes | None


def find_vendor(file: Any, name: str) -> Vendor:
    """Say whose rules the pages follow; `name` is the file's."""
    page = file.pages.first
    description = page.description
    if file.is_ome or name.lower().endswith(OME_SUFFIXES):
        return "ome"
    if description.startswith("Aperio"):
        return "aperio"
    software = _text(page, _SOFTWARE)
    if (
        software.startswith(("Philips", "MedScan"))
        or "iScan" in _text(page, _XMP)
        or "<scn" in description
        or _NDPI in page.tags
    ):
        return "other"
    return "generic-tiff"


def find_levels(file: Any, name: str) -> TiffLevels | None:
    """Return the levels of a slide; None if they are not all tiled JPEG, or of a vendor with other rules.

    Aperio's are other where tiles were left out: see `count_left_out`.
    """
    vendor = find_vendor(file, name)
    if vendor == "other" or count_left_out(file, name):
        return None
    pages = list(_level_pages(file, vendor))
    levels = [index_tiles(page) for page in pages]
    found = tuple(level for level in levels if level is not None)
    if not found or len(found) < len(levels):
        return None
    profile = pages[0].tags.get(_ICC)
    return TiffLevels(
        levels=found,
        mpp=_aperio_mpp(pages[0]) if vendor == "aperio" else _tagged_mpp(pages[0], vendor),
        mpp_source="file (TIFF metadata)" if vendor == "ome" else f"file ({vendor} metadata)",
        icc_profile=None if profile is None else bytes(profile.value),
    )


def count_left_out(file: Any, name: str) -> int:
    """Count the tiles of an Aperio slide that have no data; 0 for other vendors.

    Aperio writes tiles of 0 bytes at the end of rows, and tiles made of those hold what chance left there
    (github.com/imi-bigpicture/opentile/issues/1, github.com/ImagingDataCommons/slim/issues/97). openslide
    draws both from the next finer level.
    """
    if find_vendor(file, name) != "aperio":
        return 0
    return sum(tuple(page.databytecounts).count(0) for page in _pages(file) if page.is_tiled)


def _pages(file: Any) -> Iterable[Any]:
    """Give the pages that were judged when the file was opened: what claims more of them is no slide."""
    return islice(file.pages, MOST_TIFF_PAGES)


def _level_pages(file: Any, vendor: Vendor) -> Iterable[Any]:
    if vendor == "ome":
        levels = file.series[0].levels
        if file.series[0].axes != "YXS" or any(len(level.pages) != 1 for level in levels):
            return []  # planes beside each other are no brightfield slide
        return [level.pages[0].aspage() for level in levels]
    tiled = [page for page in _pages(file) if page.is_tiled]
    if vendor == "aperio":
        return tiled if file.pages.first.is_tiled else []
    levels = [page for page in tiled if page.index == 0 or int(page.subfiletype) & _REDUCED]
    return sorted(levels, key=lambda page: -int(page.imagewidth)) if file.pages.first.is_tiled else []


def _aperio_mpp(page: Any) -> tuple[object, object]:
    """Return MPP of "Aperio ...|AppMag = 20|MPP = 0.4990|...", the same for both axes.

    As in openslide a comma is a decimal point, and of several the last counts.
    """
    fields = (field.partition("=") for field in page.description.split("|")[1:])
    values = [value.strip().replace(",", ".") for key, _, value in fields if key.strip() == "MPP"]
    return (values[-1], values[-1]) if values else (None, None)


def _tagged_mpp(page: Any, vendor: Vendor) -> tuple[object, object]:
    unit = page.tags.get(_UNIT)
    known = {**_UM_PER_UNIT, **(_UM_PER_METRIC_UNIT if vendor == "ome" else {})}
    um = known.get(_INCH if unit is None else int(unit.value))
    values = [page.tags[code].value for code in (_X_RESOLUTION, _Y_RESOLUTION) if code in page.tags]
    if um is None or len(values) < 2 or not all(part for value in values for part in value):
        return None, None
    x, y = (float(um / Fraction(*value)) for value in values)
    return x, y


def _text(page: Any, code: int) -> str:
    tag = page.tags.get(code)
    value = "" if tag is None else tag.value
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
