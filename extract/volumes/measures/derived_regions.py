"""Regions that follow from drawn ones by a rule: the gland of its zones, a ring, the whole heart muscle.

Enters: the drawn regions of a study on its grid, and what their names mean. Leaves: an `Anatomy`: a mask of
each meaning, or the reason why there is none; and the derived ones by names of their own. An empty mask of a
lesion or a scar is a finding; an empty mask of an organ is a mask that failed, for every patient has one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool

from extract.volumes.geometry import VoxelGrid
from extract.volumes.measures.measured import Measure, not_applicable, unknown
from extract.volumes.measures.settings import Measures, Organ
from extract.volumes.region_names import Meaning, names_by_meaning
from feature_cache.canonical import Json
from feature_cache.entry import OBSERVED, STATES
from feature_cache.errors import SourceError

Mask = Bool[np.ndarray[Any, Any], "x y z"]

#: Meanings of which an empty mask is a value.
FINDINGS: tuple[Meaning, ...] = ("lesion", "scar")
PARTS: dict[Organ, tuple[Meaning, ...]] = {
    "prostate": ("gland", "peripheral", "transition", "lesion"),
    "heart": ("myocardium", "lv_cavity", "rv_cavity", "scar"),
}


@dataclass(kw_only=True)
class Anatomy:
    """What is where: every part and derived region is either in `masks` or in `absent`.

    `masks` are by meaning, and by name for `gland_ring`, `lesion_ring` and `muscle`; one without a voxel is a
    finding that was looked for. `absent` says in which state a part is and why. `how` tells what each mask is
    of; `made` are those that nobody drew.
    """

    masks: dict[str, Mask] = field(default_factory=dict)
    absent: dict[str, Measure] = field(default_factory=dict)
    how: dict[str, str] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)

    @property
    def derived(self) -> dict[str, Mask]:
        """The regions that a study has beside those of its manifest."""
        return {name: self.masks[name] for name in self.made}

    def described(self) -> dict[str, Json]:
        """Return for each part its state and what it was made of, or why there is none."""
        told: dict[str, Json] = {
            name: {"state": STATES[OBSERVED], "of": self.how[name]} for name in self.masks
        }
        for name, reason in self.absent.items():
            told[name] = {"state": STATES[reason.state], "why": reason.why}
        return told

    def add(self, name: str, mask: Mask, how: str) -> None:
        """Put a derived region in."""
        self.masks[name], self.how[name] = mask, how
        self.made.append(name)


def find_anatomy(
    drawn: Mapping[str, Mask],
    grid: VoxelGrid,
    spacing_known: bool,
    settings: Measures,
    where: str,
    lost: Collection[str] = (),
) -> Anatomy:
    """Name the drawn regions by what they are, and derive the others.

    Parameters
    ----------
    drawn
        Name -> mask on `grid`, without the crop.
    grid, spacing_known
        Without a spacing in mm there is no ring.
    settings
        The organ, names, and the width of the ring.
    where
        The study, for an error.
    lost
        Regions that were drawn and have no voxel left on `grid`: a lesion among them is no negative.

    Raises
    ------
    SourceError
        Two regions could be the same organ, or a region of the manifest has the name of a derived one.
    """
    anatomy = Anatomy()
    names = names_by_meaning(list(drawn), settings.regions, where)
    for meaning in PARTS[settings.organ]:
        _take_drawn(anatomy, meaning, {name: drawn[name] for name in names.get(meaning, ())}, lost)
    if settings.organ == "heart":
        _add_muscle(anatomy)
    else:
        _add_gland(anatomy)
        for name, inside in (("gland", None), ("lesion", anatomy.masks.get("gland"))):
            _add_ring(anatomy, name, inside, grid, settings.ring_mm if spacing_known else None)
    _refuse_taken_names(anatomy, drawn, where)
    return anatomy


def _refuse_taken_names(anatomy: Anatomy, drawn: Mapping[str, Mask], where: str) -> None:
    taken = [name for name in anatomy.made if name in drawn]
    if taken:
        raise SourceError(
            where,
            expected=f"no region called {taken[0]}: one of that name is derived ({anatomy.how[taken[0]]})",
            got="one in masks.csv",
            remedy="Rename it in masks.csv, or leave `measures` out of the recipe's volumes block.",
        )


def _take_drawn(anatomy: Anatomy, meaning: Meaning, masks: Mapping[str, Mask], lost: Collection[str]) -> None:
    if not masks:
        anatomy.absent[meaning] = unknown(f"no mask of the {meaning}")
        return
    whole = np.logical_or.reduce(list(masks.values()))
    if not whole.any() and not masks.keys().isdisjoint(lost):
        anatomy.absent[meaning] = unknown(f"the {meaning} has no voxel left on the grid of the study")
        return
    if not whole.any() and meaning not in FINDINGS:
        anatomy.absent[meaning] = unknown(f"the mask of the {meaning} is empty")
        return
    anatomy.masks[meaning], anatomy.how[meaning] = whole, ", ".join(masks)


def _add_gland(anatomy: Anatomy) -> None:
    """Take the gland as the union of both zones where nobody drew it."""
    zones = [anatomy.masks.get(zone) for zone in ("peripheral", "transition")]
    if "gland" in anatomy.absent and zones[0] is not None and zones[1] is not None:
        del anatomy.absent["gland"]
        parts = f"{anatomy.how['peripheral']}, {anatomy.how['transition']}"
        anatomy.add("gland", zones[0] | zones[1], f"union of {parts}")


def _add_muscle(anatomy: Anatomy) -> None:
    """Take the muscle of the left ventricle as myocardium and scar together.

    Some masks draw the scar inside the myocardium, others beside it as a label of its own: the union is the
    muscle in both. Without a scar mask it is the myocardium, which may then lack what a scar took from it.
    """
    myocardium, scar = (anatomy.masks.get(part) for part in ("myocardium", "scar"))
    if myocardium is None:
        anatomy.absent["muscle"] = anatomy.absent["myocardium"]
    elif scar is None:
        anatomy.masks["muscle"], anatomy.how["muscle"] = myocardium, anatomy.how["myocardium"]
    else:
        anatomy.add("muscle", myocardium | scar, f"{anatomy.how['myocardium']} and {anatomy.how['scar']}")


def _add_ring(
    anatomy: Anatomy, part: str, inside: Mask | None, grid: VoxelGrid, ring_mm: float | None
) -> None:
    name, region = f"{part}_ring", anatomy.masks.get(part)
    if region is None:
        anatomy.absent[name] = anatomy.absent[part]
    elif ring_mm is None:
        anatomy.absent[name] = unknown("the spacing is not known")
    elif not region.any():
        anatomy.absent[name] = not_applicable(f"there is no {part}")
    else:
        mask = ring_around(region, grid, ring_mm)
        how = f"within {ring_mm:g} mm around {anatomy.how[part]}"
        anatomy.add(
            name,
            mask if inside is None else mask & inside,
            how if inside is None else f"{how}, inside the gland ({anatomy.how['gland']})",
        )


def ring_around(region: Mask, grid: VoxelGrid, ring_mm: float) -> Mask:
    """Return the voxels outside a region whose centre is within `ring_mm` of the centre of one inside.

    Distances are exact on rectangular axes; a grid is sheared by 1e-3 at most before a series is warned of.
    A region without a voxel has no ring.
    """
    from scipy import ndimage

    if not region.any():
        return np.zeros_like(region)
    distance_mm = ndimage.distance_transform_edt(~region, sampling=tuple(map(float, grid.spacing)))
    ring: Mask = (distance_mm > 0) & (distance_mm <= ring_mm + 1e-6)
    return ring
