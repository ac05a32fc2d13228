"""One study on the page: a row of slices for each series, outlines of the regions over them.

Enters: volumes.json. Leaves: strips as data URIs and, for each slice, where it lies in its strip and what is
drawn over it. Slices keep the shape that they have in the patient, whatever the spacing of their pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

from fuse.report.embedded_png import REMEDY, embed_png
from fuse.report.run_folder import RunFolderError
from fuse.report.volume_document import RegionOutlines, VolumeView

#: Width of a slice on the page; high slices are made narrower, so that none is higher than this.
SLICE_PX = 124.0
#: A larger strip is written again as JPEG: a page of four series stays below two megabytes.
LARGEST_STRIP_BYTES = 160_000

_GRID_NOTE = "the series whose grid the others are laid on"


@dataclass(frozen=True, kw_only=True)
class Strip:
    """One series; `note` says what it is beside its name."""

    name: str
    image: str
    note: str


@dataclass(frozen=True, kw_only=True)
class SliceMark:
    """One slice: its number in the study's crop, its top in a strip (pixels), its outlines by region."""

    place: int
    number: int
    top: int
    outlines: tuple[tuple[int, str], ...]


@dataclass(frozen=True, kw_only=True)
class VolumePicture:
    """The picture placed; `width` and `height` are those of a slice on the page."""

    view: VolumeView
    strips: tuple[Strip, ...]
    slices: tuple[SliceMark, ...]
    regions: tuple[RegionOutlines, ...]
    width: float
    height: float


def place_volumes(view: VolumeView) -> VolumePicture | None:
    """Return the picture, or `None` where the run has none.

    Raises
    ------
    RunFolderError
        A strip is no PNG of the stated size, or slices are not told alike for all series and regions.
    """
    if not view.series:
        return None
    lengths = {len(view.slice_numbers), *(len(region.outlines) for region in view.regions)}
    if lengths != {view.slices} or min(view.slices, view.rows, view.columns) < 1:
        raise RunFolderError(
            "volumes.json: slices",
            expected=f"a number and an outline of each region for each of {view.slices} slices",
            got=f"{sorted(lengths)} of them",
            remedy=REMEDY,
        )
    _, row, column = view.spacing_mm or (1.0, 1.0, 1.0)
    broad, high = view.columns * column, view.rows * row
    scale = SLICE_PX / max(broad, high)
    return VolumePicture(
        view=view,
        strips=tuple(
            Strip(
                name=one.name,
                image=embed_png(
                    one.strip_png,
                    (view.columns, view.slices * view.rows),
                    f"volumes.json: series {one.name}",
                    LARGEST_STRIP_BYTES,
                ),
                note=_GRID_NOTE if one.name == view.reference and len(view.series) > 1 else "",
            )
            for one in view.series
        ),
        slices=tuple(
            SliceMark(
                place=place,
                number=number,
                top=place * view.rows,
                outlines=tuple(
                    (colour, region.outlines[place])
                    for colour, region in enumerate(view.regions)
                    if region.outlines[place]
                ),
            )
            for place, number in enumerate(view.slice_numbers)
        ),
        regions=view.regions,
        width=scale * broad,
        height=scale * high,
    )
