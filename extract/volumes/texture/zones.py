"""Grey level zones: neighbouring voxels of one level, by their size and by their distance from the edge.

Enters: a levelled region. Leaves: 16 values of the size zone matrix (IBSI reference manual 3.8) and 16
of the distance zone matrix (3.9). Voxels of a zone touch at a face, an edge or a corner; the distance
of a zone is the least number of steps through faces that leads one of its voxels out of the region, from 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from extract.volumes.texture.grey_levels import LevelledRegion
from extract.volumes.texture.tally import Tally, describe_tally, tally

#: Tags of the IBSI. Small and large zone emphasis 5QRC, 48P8; low and high grey level zone emphasis XMSY,
#: 5GN9; small zone low and high 5RAI, HW1V; large zone low and high YH51, J17V; grey level non-uniformity
#: JNSA, normalised Y1RO; zone size non-uniformity 4JP3, normalised VB3A; zone percentage P30P; grey level
#: variance BYLV; zone size variance 3NSA; zone size entropy GU8N.
SIZE_ZONES = (
    "szm_sze",
    "szm_lze",
    "szm_lgze",
    "szm_hgze",
    "szm_szlge",
    "szm_szhge",
    "szm_lzlge",
    "szm_lzhge",
    "szm_glnu",
    "szm_glnu_norm",
    "szm_zsnu",
    "szm_zsnu_norm",
    "szm_z_perc",
    "szm_gl_var",
    "szm_zs_var",
    "szm_zs_entr",
)

#: Tags of the IBSI. Small and large distance emphasis 0GBI, MB4I; low and high grey level zone emphasis S1RA,
#: K26C; small distance low and high RUVG, DKNJ; large distance low and high A7WM, KLTH; grey level
#: non-uniformity VFT7, normalised 7HP3; zone distance non-uniformity V294, normalised IATH; zone percentage
#: VIWW; grey level variance QK93; zone distance variance 7WT1; zone distance entropy GBDU.
DISTANCE_ZONES = (
    "dzm_sde",
    "dzm_lde",
    "dzm_lgze",
    "dzm_hgze",
    "dzm_sdlge",
    "dzm_sdhge",
    "dzm_ldlge",
    "dzm_ldhge",
    "dzm_glnu",
    "dzm_glnu_norm",
    "dzm_zdnu",
    "dzm_zdnu_norm",
    "dzm_z_perc",
    "dzm_gl_var",
    "dzm_zd_var",
    "dzm_zd_entr",
)


def count_sizes(region: LevelledRegion) -> Tally:
    """Return the zones by level and number of voxels."""
    return _sizes(region, _zones(region))


def zones(
    region: LevelledRegion,
) -> tuple[Float[np.ndarray[Any, Any], " 16"], Float[np.ndarray[Any, Any], " 16"]]:
    """Return the values named in `SIZE_ZONES` and in `DISTANCE_ZONES`."""
    zone = _zones(region)
    return describe_tally(_sizes(region, zone)), describe_tally(_distances(region, zone))


def _zones(region: LevelledRegion) -> Int[np.ndarray[Any, Any], " voxel"]:
    """Return the number of the zone, from 1, of each voxel of the region."""
    from skimage.measure import label

    # scikit-image is only partly typed
    labelled = label(region.padded, background=0, connectivity=3)  # type: ignore[no-untyped-call]
    numbers: Int[np.ndarray[Any, Any], " voxel"] = labelled.ravel()[region.places]
    return numbers


def _levels_of_zones(
    region: LevelledRegion, zone: Int[np.ndarray[Any, Any], " voxel"]
) -> Int[np.ndarray[Any, Any], " zone"]:
    levels = np.zeros(int(zone.max()), dtype=np.int64)
    levels[zone - 1] = region.levels
    return levels


def _sizes(region: LevelledRegion, zone: Int[np.ndarray[Any, Any], " voxel"]) -> Tally:
    return tally(_levels_of_zones(region, zone), np.bincount(zone)[1:], len(zone))


def _distances(region: LevelledRegion, zone: Int[np.ndarray[Any, Any], " voxel"]) -> Tally:
    from scipy.ndimage import distance_transform_cdt

    away = distance_transform_cdt(region.padded > 0, metric="taxicab").ravel()[region.places]
    least = np.full(int(zone.max()), np.iinfo(np.int64).max)
    np.minimum.at(least, zone - 1, away)
    return tally(_levels_of_zones(region, zone), least, len(zone))
