"""Zones touch at corners, and their distance is that of the voxel next to the edge."""

from __future__ import annotations

import numpy as np

from extract.volumes.texture.grey_levels import levelled
from extract.volumes.texture.zones import DISTANCE_ZONES, SIZE_ZONES, count_sizes, zones


def named(image: np.ndarray) -> dict[str, float]:
    sizes, distances = zones(levelled(image > 0, image[image > 0], int(image.max())))
    both = (*zip(SIZE_ZONES, sizes, strict=True), *zip(DISTANCE_ZONES, distances, strict=True))
    return {name: float(value) for name, value in both}


def test_voxels_that_touch_at_a_corner_are_one_zone() -> None:
    image = np.ones((3, 3, 3), dtype=np.int32)
    image[0, 0, 0] = image[1, 1, 1] = 2
    counted = count_sizes(levelled(image > 0, image[image > 0], 2))
    assert sorted(zip(counted.level.tolist(), counted.size.tolist(), strict=True)) == [(1, 25), (2, 2)]


def test_the_core_of_a_ball_is_further_from_the_edge_than_its_shell() -> None:
    """A cube of 5 with a core of level 2: the core is 2 steps from outside, the shell 1."""
    image = np.ones((5, 5, 5), dtype=np.int32)
    image[1:4, 1:4, 1:4] = 2
    values = named(image)
    assert values["dzm_lde"] == (1 + 4) / 2
    assert values["dzm_sde"] == (1 + 1 / 4) / 2
    assert values["szm_lze"] == (98**2 + 27**2) / 2
    assert values["szm_z_perc"] == 2 / 125


def test_a_region_alone_in_its_box_is_bounded_by_it() -> None:
    assert named(np.ones((3, 3, 3), dtype=np.int32))["dzm_lde"] == 1
