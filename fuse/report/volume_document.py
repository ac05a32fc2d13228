"""What volumes.json holds, typed: one study of one case, slice by slice, with its regions outlined.

Enters: the parsed JSON. Leaves: a frozen value; like the other documents of a run it may lack what an earlier
version did not write.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from fuse.report.documents import Count, Part, Words


class SeriesStrip(Part):
    """One series: its slices one below the other in one PNG."""

    name: str
    strip_png: str


class RegionOutlines(Part):
    """One region: its outline on each slice, an SVG path in pixels, "" where it is not on that slice."""

    name: str
    outlines: tuple[Annotated[str, Field(pattern=r"^[MHV\d ]*$")], ...]


class VolumeView(Part):
    """volumes.json; without series, `reason` says why."""

    case_id: Words = ""
    item_id: Words = ""
    studies: int = 1
    arm: Words = ""
    repeat: Count = None
    fold: Count = None
    slices: int = 0
    rows: int = 0
    columns: int = 0
    slice_numbers: tuple[int, ...] = ()
    spacing_mm: tuple[float, float, float] | None = None
    reference: Words = ""
    series: tuple[SeriesStrip, ...] = ()
    series_missing: tuple[str, ...] = ()
    regions: tuple[RegionOutlines, ...] = ()
    reason: Words = ""
