"""Nuclei of one tile: found in the haematoxylin plane, described by size, darkness, shape and spacing.

Enters: haematoxylin density (height, width) and um per pixel. Leaves: twelve numbers. The threshold is
Otsu's within the tile, at least a fixed step above the tile's median: staining differs between slides
by more than nuclei differ from their surroundings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

NUCLEUS_FEATURES = (
    "per_mm2",
    "area_fraction",
    "area_mean_um2",
    "area_sd_um2",
    "area_p90_um2",
    "large_share",
    "density_mean",
    "density_sd",
    "elongation_mean",
    "elongation_sd",
    "spacing_mean_um",
    "spacing_sd_um",
)

#: Smallest thing that counts as a nucleus, and from where one counts as large (um2).
_SMALLEST_UM2, _LARGE_UM2 = 10.0, 60.0
_SMOOTHING_UM = 0.75
#: Least step of natural optical density between the tile's median and a nucleus.
_LEAST_STEP = 0.12
_BINS = 128

Plane = Float[np.ndarray[Any, Any], "height width"]


@dataclass(frozen=True, kw_only=True)
class Nuclei:
    """One value a nucleus: area, mean density, elongation (1 = round), centre (x, y) in um."""

    area_um2: Float[np.ndarray[Any, Any], " nucleus"]
    density: Float[np.ndarray[Any, Any], " nucleus"]
    elongation: Float[np.ndarray[Any, Any], " nucleus"]
    centre_um: Float[np.ndarray[Any, Any], "nucleus 2"]


def describe_nuclei(haematoxylin: Plane, mpp: float) -> list[float]:
    """Return the values of `NUCLEUS_FEATURES` for one tile; all 0 where there is no nucleus."""
    nuclei = find_nuclei(haematoxylin, mpp)
    count = len(nuclei.area_um2)
    if count == 0:
        return [0.0] * len(NUCLEUS_FEATURES)
    field_um2 = haematoxylin.size * mpp**2
    spacing = _nearest(nuclei.centre_um)
    return [
        count / (field_um2 * 1e-6),
        float(nuclei.area_um2.sum() / field_um2),
        float(nuclei.area_um2.mean()),
        float(nuclei.area_um2.std()),
        float(np.sort(nuclei.area_um2)[int(0.9 * (count - 1))]),
        float((nuclei.area_um2 > _LARGE_UM2).mean()),
        float(nuclei.density.mean()),
        float(nuclei.density.std()),
        float(nuclei.elongation.mean()),
        float(nuclei.elongation.std()),
        float(spacing.mean()),
        float(spacing.std()),
    ]


def find_nuclei(haematoxylin: Plane, mpp: float) -> Nuclei:
    """Find connected dark spots of at least 10 um2."""
    from scipy import ndimage

    smooth = ndimage.gaussian_filter(haematoxylin, _SMOOTHING_UM / mpp, mode="nearest", truncate=2.5)
    labels, count = ndimage.label(smooth > nucleus_threshold(smooth))
    return _measure(labels, count, haematoxylin, mpp)


def nucleus_threshold(smooth: Plane) -> float:
    """Return Otsu's threshold (1979), but at least a fixed step above the median."""
    low, high = float(smooth.min()), float(smooth.max())
    floor = float(np.median(smooth)) + _LEAST_STEP
    if high <= floor:
        return floor
    counts, edges = np.histogram(smooth, bins=_BINS, range=(low, high))
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = smooth.size - below
    mass = np.cumsum(counts * centres)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (mass / below - (mass[-1] - mass) / above) ** 2
    return max(floor, float(edges[1 + int(np.nanargmax(between[:-1]))]))


def _measure(labels: np.ndarray[Any, Any], count: int, haematoxylin: Plane, mpp: float) -> Nuclei:
    """Measure every component with counts alone: no loop over nuclei."""
    inside: Bool[np.ndarray[Any, Any], "height width"] = labels > 0
    owner = labels[inside] - 1
    y, x = (axis.astype(np.float64) for axis in np.nonzero(inside))
    area_px = np.bincount(owner, minlength=count).astype(np.float64)
    kept = area_px * mpp**2 >= _SMALLEST_UM2
    if not kept.any():
        empty = np.zeros(0)
        return Nuclei(area_um2=empty, density=empty, elongation=empty, centre_um=np.zeros((0, 2)))

    def mean(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        sums: np.ndarray[Any, Any] = np.bincount(owner, weights=values, minlength=count)
        return sums / area_px

    centre_x, centre_y = mean(x), mean(y)
    across, down = x - centre_x[owner], y - centre_y[owner]
    # one twelfth is the second moment of a pixel: without it a line would be infinitely long
    xx, yy, xy = mean(across**2) + 1 / 12, mean(down**2) + 1 / 12, mean(across * down)
    half, spread = (xx + yy) / 2, np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    elongation = np.sqrt((half + spread) / np.maximum(half - spread, 1 / 24))
    return Nuclei(
        area_um2=area_px[kept] * mpp**2,
        density=mean(haematoxylin[inside].astype(np.float64))[kept],
        elongation=elongation[kept],
        centre_um=np.stack([centre_x[kept], centre_y[kept]], axis=1) * mpp,
    )


def _nearest(centre_um: Float[np.ndarray[Any, Any], "nucleus 2"]) -> Float[np.ndarray[Any, Any], " nucleus"]:
    """Distance of each nucleus to its nearest neighbour in um; 0 for a single one."""
    from scipy.spatial import cKDTree

    if len(centre_um) < 2:
        return np.zeros(1)
    distances, _ = cKDTree(centre_um).query(centre_um, k=2)
    nearest: np.ndarray[Any, Any] = distances[:, 1]
    return nearest
