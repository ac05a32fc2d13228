"""Regions by rule, on a grid whose spacing and voxels are counted by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from extract.volumes.measures.derived_regions import find_anatomy, ring_around
from extract.volumes.measures.settings import Measures
from feature_cache.entry import NOT_APPLICABLE, UNKNOWN
from feature_cache.errors import SourceError
from tests.extract.volumes.files import grid_of

GRID = grid_of((20, 20, 9), (0.5, 0.5, 3.0), (5, 10, 15))
PROSTATE = Measures(organ="prostate", ring_mm=3.0)
HEART = Measures(organ="heart")


def box(x: slice, y: slice, z: slice = slice(3, 6)) -> np.ndarray[Any, Any]:
    mask = np.zeros(GRID.size, dtype=bool)
    mask[x, y, z] = True
    return mask


PZ, TZ = box(slice(5, 10), slice(5, 15)), box(slice(10, 15), slice(5, 15))
LESION = box(slice(6, 8), slice(6, 8), slice(4, 5))
NONE = np.zeros(GRID.size, dtype=bool)


class TestProstate:
    def test_the_gland_is_the_union_of_its_zones_where_nobody_drew_it(self) -> None:
        found = find_anatomy({"zones_PZ": PZ, "zones_TZ": TZ}, GRID, True, PROSTATE, "s")
        np.testing.assert_array_equal(found.masks["gland"], PZ | TZ)
        assert found.how["gland"] == "union of zones_PZ, zones_TZ"
        assert found.made == ["gland", "gland_ring"]
        assert found.absent["lesion"].state == UNKNOWN and found.absent["lesion_ring"].state == UNKNOWN

    def test_a_drawn_gland_stays_as_it_was_drawn(self) -> None:
        drawn = box(slice(4, 16), slice(4, 16))
        found = find_anatomy({"zones_PZ": PZ, "prostate": drawn, "zones_TZ": TZ}, GRID, True, PROSTATE, "s")
        np.testing.assert_array_equal(found.masks["gland"], drawn)
        assert "gland" not in found.derived

    def test_one_zone_is_no_gland(self) -> None:
        for zones in ({"PZ": PZ}, {"PZ": PZ, "TZ": NONE}):
            found = find_anatomy(zones, GRID, True, PROSTATE, "s")
            assert found.absent["gland"].why == "no mask of the gland"
        assert found.absent["transition"].why == "the mask of the transition is empty"

    def test_an_empty_lesion_is_there_and_has_no_ring(self) -> None:
        found = find_anatomy({"prostate": PZ | TZ, "lesion": NONE}, GRID, True, PROSTATE, "s")
        assert not found.masks["lesion"].any()
        assert found.absent["lesion_ring"].state == NOT_APPLICABLE
        assert found.described()["lesion_ring"] == {"state": "not_applicable", "why": "there is no lesion"}

    def test_the_ring_of_a_lesion_stays_inside_the_gland(self) -> None:
        found = find_anatomy({"prostate": PZ | TZ, "lesion": LESION}, GRID, True, PROSTATE, "s")
        ring = found.masks["lesion_ring"]
        assert ring.any() and not (ring & ~(PZ | TZ)).any() and not (ring & LESION).any()
        assert ring_around(LESION, GRID, 3.0).sum() > ring.sum()
        assert not (found.masks["gland_ring"] & (PZ | TZ)).any()

    def test_without_a_spacing_there_is_no_ring(self) -> None:
        found = find_anatomy({"prostate": PZ | TZ, "lesion": LESION}, GRID, False, PROSTATE, "s")
        assert found.made == [] and found.absent["gland_ring"].why == "the spacing is not known"

    def test_a_drawn_region_with_the_name_of_a_derived_one_is_refused(self) -> None:
        with pytest.raises(SourceError, match="no region called gland_ring"):
            find_anatomy({"prostate": PZ | TZ, "gland_ring": PZ}, GRID, True, PROSTATE, "s")


def test_a_ring_by_hand() -> None:
    """One voxel, 1 mm in plane and 3 mm along z: 2 voxels aside, and the next slices' own column."""
    one = np.zeros(GRID.size, dtype=bool)
    one[10, 10, 4] = True
    plane = 0.5 * np.hypot(*np.mgrid[-10:10, -10:10]) <= 1.0
    ring = ring_around(one, GRID, 1.0)
    np.testing.assert_array_equal(ring[:, :, 4], plane & ~one[:, :, 4])
    assert ring.sum() == plane.sum() - 1 == 12
    further = ring_around(one, GRID, 3.0)
    assert further[:, :, 3].sum() == further[:, :, 5].sum() == 1
    assert not ring_around(NONE, GRID, 3.0).any()


class TestHeart:
    def test_the_muscle_is_myocardium_and_scar(self) -> None:
        beside = find_anatomy({"heart_MYO": PZ, "scar": TZ}, GRID, True, HEART, "s")
        inside = find_anatomy({"heart_MYO": PZ | TZ, "scar": TZ}, GRID, True, HEART, "s")
        np.testing.assert_array_equal(beside.masks["muscle"], inside.masks["muscle"])
        assert beside.how["muscle"] == "heart_MYO and scar"

    def test_without_a_scar_mask_the_myocardium_is_taken_and_not_made_again(self) -> None:
        found = find_anatomy({"MYO": PZ}, GRID, True, HEART, "s")
        assert found.made == [] and found.how["muscle"] == "MYO"
        assert found.absent["scar"].state == UNKNOWN
