"""All measures of one study, and the regions that were derived for them.

Enters: the series of a study on its grid as the scanner gave them (by N4 alone may intensities be changed),
drawn regions, the recipe's `measures`. Leaves: derived regions, and `StudyMeasures` for the entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool

from extract.volumes.geometry import VoxelGrid
from extract.volumes.measures.derived_regions import PARTS, Anatomy
from extract.volumes.measures.heart import HEART, measure_heart
from extract.volumes.measures.measured import StudyMeasures, first_that_is
from extract.volumes.measures.prostate import PROSTATE, measure_prostate
from extract.volumes.measures.settings import Measures, Organ
from extract.volumes.volume import SeriesOnGrid
from feature_cache.canonical import Json

#: Organ -> the names of its measures, in the order of every entry.
MEASURES: dict[Organ, tuple[str, ...]] = {"prostate": PROSTATE, "heart": HEART}

Mask = Bool[np.ndarray[Any, Any], "x y z"]


def measure_study(
    series: Sequence[SeriesOnGrid], anatomy: Anatomy, grid: VoxelGrid, settings: Measures
) -> StudyMeasures:
    """Return every measure of the organ.

    Parameters
    ----------
    series
        On `grid`: ADC in 1e-6 mm2/s, late enhancement in the unit of the scanner.
    anatomy
        See `find_anatomy`.
    """
    laid = {one.sequence: one for one in series}
    spacing_known = series[0].spacing_known
    used = first_that_is(list(laid), "adc" if settings.organ == "prostate" else "lge")
    voxels = None if used is None else laid[used].voxels
    described: dict[str, Json] = {"organ": settings.organ, "parts": anatomy.described()}
    if settings.organ == "prostate":
        found = measure_prostate(anatomy, voxels, grid, spacing_known)
        described["adc_series"] = used
    else:
        found, remote = measure_heart(anatomy, voxels, grid, spacing_known)
        described |= {"late_enhancement_series": used, "reconstruction": _reconstruction(used), **remote}
    return StudyMeasures(by_name=found, described=described, warnings=_unavailable(anatomy, settings.organ))


def _reconstruction(sequence: str | None) -> str | None:
    """Return whether late enhancement is phase sensitive, as the sequence's name says; no header does."""
    if sequence is None:
        return None
    told = next((word for word in ("psir", "magnitude") if word in sequence), None)
    return told or "not told: call the sequence lge_psir or lge_magnitude"


def _unavailable(anatomy: Anatomy, organ: Organ) -> tuple[str, ...]:
    """Name every part of the organ that is not there, once."""
    return tuple(
        f"{part} region unavailable: {anatomy.absent[part].why}"
        for part in PARTS[organ]
        if part in anatomy.absent
    )
