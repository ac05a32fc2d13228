"""The diffusion series of a study laid on its T2W: one rigid transform for all, or the headers' place.

Enters: a study's opened series and its gland. Leaves: the same series, moved where the evidence holds, and
everything that was found, accepted or not. ADC and high b are made of one echo-planar acquisition, so what
moves one moves the other: the transform is estimated from a low b-value where the study has one (it looks
most like T2W), else from ADC and high b together. A rigid transform cannot undo the distortion that gas in
the rectum makes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from extract.volumes.adc import is_adc
from extract.volumes.geometry import coincide
from extract.volumes.opened import OpenedSeries
from extract.volumes.reader import read_series
from extract.volumes.registration.evidence import GAIN, Evidence, edge_evidence, limits_kept, way_back_mm
from extract.volumes.registration.gland import Gland
from extract.volumes.registration.gland_edge import gland_edge
from extract.volumes.registration.rigid import Matrix, moved_grid
from extract.volumes.registration.sampling import Image, image_of, places_in, signed_distance_mm
from extract.volumes.registration.search import Found, Surroundings, find_rigid
from extract.volumes.registration.settings import Registration
from feature_cache.canonical import Json

_T2W = re.compile(r"t2w?([_-].*)?")
_DIFFUSION = re.compile(r"(hbv|dwi|low_?b|b_?\d+)([_-].*)?")
_B_VALUE = re.compile(r"(?:dwi_?)?b_?(\d+)")
#: Up to this b-value (s/mm2) an image is weighted more by T2 than by diffusion.
_LOW_B = 150
_MARGIN_MM = 30.0
_PLACES_STEP_MM = 4.0
#: Where the places of the search the other way begin in the sequence of jitters.
_OTHER_PLACES = 7919
MEANING = "takes a place in RAS mm, as the headers of the moved series have it, to its place in the reference"


@dataclass(frozen=True, kw_only=True)
class Aligned:
    """The study's series in their order, `moved` those with another grid; what an entry keeps; warnings."""

    opened: dict[str, OpenedSeries]
    described: Json
    moved: tuple[str, ...] = ()
    warnings: tuple[str, ...] = field(default=())


def align_diffusion(opened: Mapping[str, OpenedSeries], gland: Gland | None, asked: Registration) -> Aligned:
    """Register the diffusion series of a study to its reference, if the evidence holds.

    Parameters
    ----------
    opened
        Sequence -> series, the reference first.
    gland
        None where nobody drew one: nothing is registered then.
    asked
        From the recipe.
    """
    names = _diffusion(opened)
    reason = _why_not(opened, names, gland)
    if reason is not None or gland is None:
        described: dict[str, Json] = {"asked": asked.method, "accepted": False, "reason": reason}
        return Aligned(
            opened=dict(opened),
            described=described,
            warnings=(f"not registered: {reason}; series lie as their headers say",),
        )
    reference = next(iter(opened.values()))
    low_b = [name for name in names if _is_low_b(name)]
    return _register(opened, names, low_b or names, _Search(reference=reference, gland=gland, asked=asked))


@dataclass(frozen=True, kw_only=True)
class _Search:
    reference: OpenedSeries
    gland: Gland
    asked: Registration

    def around(self) -> Surroundings:
        filled = np.argwhere(self.gland.mask)
        return Surroundings(
            region=signed_distance_mm(self.gland.mask, self.gland.grid) <= self.asked.around_mm,
            grid=self.gland.grid,
            centre=self.gland.grid.centres(filled.mean(axis=0, keepdims=True))[0],
        )


def _register(
    opened: Mapping[str, OpenedSeries], names: list[str], sources: list[str], search: _Search
) -> Aligned:
    around, gland = search.around(), search.gland
    places = places_in(gland.mask, gland.grid, _PLACES_STEP_MM)
    everywhere = places_in(around.region, around.grid, _PLACES_STEP_MM)
    fixed = [_read(search.reference).near(everywhere, _MARGIN_MM)]
    images = {name: _read(opened[name]) for name in names}
    moving = [images[name] for name in sources]
    there = find_rigid(fixed, moving, around)
    back = find_rigid(moving, fixed, around, _OTHER_PLACES)
    edge = gland_edge(gland.mask, gland.grid)
    voxel_mm = float(opened[sources[0]].grid.spacing.min())
    to_reference = np.linalg.inv(there.matrix)
    evidence = [
        *limits_kept(to_reference, around.centre[None], search.asked),
        Evidence(
            name="there_and_back_mm",
            value=way_back_mm(there.matrix, back.matrix, places),
            limit=voxel_mm,
            at_most=True,
        ),
        *edge_evidence(edge, list(images.values()), there.matrix),
    ]
    failed = [piece for piece in evidence if not piece.holds]
    described = _described(search, names, sources, there, to_reference)
    described |= {
        "gland_centre_mm": [round(float(side), 3) for side in around.centre],
        "accepted": not failed,
        "reason": "all evidence holds" if not failed else "; ".join(map(str, failed)),
        "evidence": [piece.as_json() for piece in evidence],
        "gland_edge_separation_by_header": round(edge.separation(list(images.values()), np.eye(4)), 4),
    }
    if failed:
        return Aligned(opened=dict(opened), described=described, warnings=(_not_moved(evidence, failed),))
    moved = {
        name: replace(one, grid=moved_grid(one.grid, to_reference)) if name in images else one
        for name, one in opened.items()
    }
    return Aligned(opened=moved, described=described, moved=tuple(names))


def _not_moved(evidence: list[Evidence], failed: list[Evidence]) -> str:
    """Say why nothing was moved; a place no better than the headers' is another thing than a wrong one."""
    if [piece.name for piece in failed] != [GAIN]:
        return f"registration refused ({'; '.join(map(str, failed))}): series lie as their headers say"
    found = ", ".join(f"{piece.name} {piece.value:.2g}" for piece in evidence[:2])
    return (
        f"registration found another place ({found}), and the gland's edge is not clearer there by its own "
        f"noise ({failed[0]}): series lie as their headers say"
    )


def _described(
    search: _Search, names: list[str], sources: list[str], found: Found, to_reference: Matrix
) -> dict[str, Json]:
    reference = search.reference.file.sequence
    pairs = [f"{name} and {reference}" for name in sources]
    return {
        "asked": search.asked.method,
        "series": [*names],
        "gland": [*search.gland.names],
        "reference": reference,
        "estimated_from": [*sources],
        "matrix": [[round(float(number), 9) for number in row] for row in to_reference],
        "matrix_meaning": MEANING,
        "metric": "normalised mutual information in and around the gland, which was optimised: no evidence",
        "metric_before": dict(zip(pairs, (round(one, 6) for one in found.before), strict=True)),
        "metric_after": dict(zip(pairs, (round(one, 6) for one in found.after), strict=True)),
        "rigid_only": "the distortion that gas in the rectum makes is not undone",
    }


def _diffusion(opened: Mapping[str, OpenedSeries]) -> list[str]:
    return [name for name in opened if is_adc(name) or _DIFFUSION.fullmatch(name) is not None]


def _is_low_b(name: str) -> bool:
    """Whether a sequence is diffusion of a low b-value by its name: lowb, b50, dwi_b0."""
    told = _B_VALUE.fullmatch(name)
    return name in {"lowb", "low_b"} or (told is not None and int(told[1]) <= _LOW_B)


def _why_not(opened: Mapping[str, OpenedSeries], names: list[str], gland: Gland | None) -> str | None:
    """Return why a study cannot be registered, None where it can be tried."""
    reference = next(iter(opened.values()))
    if _T2W.fullmatch(reference.file.sequence) is None:
        return f"the reference is {reference.file.sequence}, not t2w"
    if not names:
        return "no ADC, high or low b-value"
    grids = [opened[name] for name in names]
    if not all(one.placed and one.spacing_known for one in [reference, *grids]):
        return "a header does not say where its series lies"
    if not all(coincide(one.grid, grids[0].grid) for one in grids):
        return f"{', '.join(names)} lie on different grids: not one acquisition"
    if gland is None:
        return "no mask of the gland"
    if not gland.mask.any():
        return "the mask of the gland is empty"
    if gland.mask.all():
        return "the mask of the gland leaves nothing out"
    if drawn_on := set(gland.drawn_on) & set(names):
        return f"the gland was drawn on {min(drawn_on)}, which would be moved"
    return None


def _read(one: OpenedSeries) -> Image:
    return image_of(read_series(one.stored, one.file.where, one.file.spacing_mm).voxels, one.grid)
