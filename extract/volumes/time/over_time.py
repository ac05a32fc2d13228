"""What an entry holds of a study's series over time: features of every frame, its times, measures.

Enters: series over time with their moments, the study that they belong to, an encoder. Leaves: arrays and
attributes as `fuse` pools them (`time_embeddings`, `time_s`, `time_rows`, `time_named`), and case-level
measures: ejection fraction of a heart, enhancement by a contrast agent. A region that moves is described only
in the frames that it was drawn on; a gland holds still. A network that is shown the surroundings of a region
is shown those of the moment that stands for the series in every frame, as CineMA was (the cavity of end
diastole): most frames have no mask, and a window that moved with the masks would move the features.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32

from extract.encoders.card import EncoderCard, VolumeEncoder
from extract.volumes.codebook import CROP
from extract.volumes.geometry import VoxelGrid
from extract.volumes.measures.measured import Measure, StudyMeasures
from extract.volumes.pooling import pool_in_regions
from extract.volumes.resample import resample_linear, resample_nearest
from extract.volumes.study import Study
from extract.volumes.time.ejection import CONVENTIONS, ejection
from extract.volumes.time.enhancement import enhancement
from extract.volumes.time.moments import TimedMoments
from extract.volumes.volume import SeriesOnGrid
from feature_cache.canonical import Json
from feature_cache.errors import SourceError

Mask = Bool[np.ndarray[Any, Any], "x y z"]
#: Ejection fractions outside these are wrong masks more often than hearts.
_PLAUSIBLE_EJECTION = (0.05, 0.9)


@dataclass(frozen=True, kw_only=True)
class OverTime:
    """`arrays` without the embeddings' final type; `measures` by name, `<series>/<region>/<measure>`."""

    embeddings: Float32[np.ndarray[Any, Any], "row dim"]
    arrays: dict[str, np.ndarray[Any, Any]]
    attrs: dict[str, Json]
    measures: dict[str, Measure]
    warnings: tuple[str, ...]


def describe_over_time(
    timed: Sequence[TimedMoments], study: Study, encoder: VolumeEncoder, card: EncoderCard, where: str
) -> OverTime | None:
    """Encode every frame of every series over time; None for a study without one. `card` is the encoder's.

    Raises
    ------
    SourceError
        What the encoder refuses.
    """
    if not timed:
        return None
    try:
        described = [_describe(one, study, encoder, _framing_region(card)) for one in timed]
    except SourceError as error:
        raise SourceError(
            f"{where}, {error.where}", expected=error.expected, got=error.got, remedy=error.remedy
        ) from error
    rows: list[Json] = [row for one in described for row in one.rows]
    named: dict[str, Json] = {one.name: one.named for one in described}
    told: dict[str, Json] = {one.name: one.told for one in described}
    return OverTime(
        embeddings=np.concatenate([one.embeddings for one in described]),
        arrays={
            "time_s": np.concatenate([one.time_s for one in described]).astype("<f8"),
            "time_frame": np.concatenate([one.numbers for one in described]).astype("<i4"),
        },
        attrs={
            "time_rows": rows,
            "time_feature_names": list(encoder.feature_names),
            "time_named": named,
            "over_time": told,
        },
        measures={name: measure for one in described for name, measure in one.measures.items()},
        warnings=tuple(warning for one in described for warning in one.warnings),
    )


def with_measures(measures: StudyMeasures | None, over_time: OverTime | None) -> StudyMeasures | None:
    """Return the measures of a study with those over time after them."""
    if over_time is None or not over_time.measures:
        return measures
    before = StudyMeasures(by_name={}, described={}, warnings=()) if measures is None else measures
    return StudyMeasures(
        by_name={**before.by_name, **over_time.measures},
        described=before.described,
        warnings=before.warnings,
    )


@dataclass(frozen=True, kw_only=True)
class _Described:
    """One series: rows are all frames of a region, region by region."""

    name: str
    rows: list[dict[str, Json]]
    embeddings: Float32[np.ndarray[Any, Any], "row dim"]
    time_s: np.ndarray[Any, Any]
    numbers: np.ndarray[Any, Any]
    named: dict[str, Json]
    told: dict[str, Json]
    measures: dict[str, Measure]
    warnings: tuple[str, ...]


def _framing_region(card: EncoderCard) -> str | None:
    """Return the meaning of the region without which the encoder does not know what to look at."""
    return None if card.contract is None else card.contract.region_needed or card.contract.centred_on


def _describe(timed: TimedMoments, study: Study, encoder: VolumeEncoder, framing: str | None) -> _Described:
    series, name = timed.series, timed.series.file.sequence
    regions = _region_names(timed, study)
    rows = np.full((len(regions), series.frames, len(encoder.feature_names)), np.nan, dtype=np.float32)
    signal = np.full((len(regions), series.frames), np.nan)
    for frame, (laid, masks) in enumerate(_laid(timed, study)):
        if framing is None:
            of_regions = encoder.encode(laid, masks).regions
        else:
            encoded = encoder.encode(laid, study.regions)
            places = encoded.token_xyz_mm
            of_regions, _ = pool_in_regions(encoded.embeddings, places, masks, laid.affine)
        for region, row in zip(masks, of_regions, strict=True):
            place = regions.index(region)
            rows[place, frame] = row
            inside = laid.voxels[masks[region]]
            if np.isfinite(inside).any():
                signal[place, frame] = np.nanmean(inside, dtype=np.float64)
    measures, odd = _measures(timed, regions, signal)
    return _Described(
        name=name,
        rows=[{"series": name, "region": region} for region in regions for _ in range(series.frames)],
        embeddings=rows.reshape(-1, rows.shape[-1]),
        time_s=np.tile(series.times.time_s, len(regions)),
        numbers=np.tile(series.numbers, len(regions)),
        named=_named(timed),
        told=_told(timed) | ({} if framing is None else {"framed_by": f"{framing} as drawn at that moment"}),
        measures={f"{name}/{what}": measure for what, measure in measures.items()},
        warnings=tuple(f"{name}: {warning}" for warning in (*timed.warnings, *odd)),
    )


def _region_names(timed: TimedMoments, study: Study) -> list[str]:
    if timed.series.kind == "contrast":
        return [*study.regions]
    return [*dict.fromkeys(name for masks in timed.drawn.values() for name in masks), CROP]


def _laid(timed: TimedMoments, study: Study) -> Iterator[tuple[SeriesOnGrid, Mapping[str, Mask]]]:
    """Yield every frame on the study's grid with the regions that are known in it."""
    series = timed.series
    reference = study.described["reference"] == series.file.sequence and series.kind == "heart"
    for frame, voxels in enumerate(timed.voxels):
        laid = SeriesOnGrid(
            sequence=series.file.sequence,
            voxels=resample_linear(voxels, series.grid, study.grid),
            affine=study.grid.affine,
            spacing_known=study.spacing_known,
            is_reference=reference,
        )
        if series.kind == "contrast":
            yield laid, study.regions
        else:
            drawn = timed.drawn.get(frame, {})
            yield laid, {**_cut(drawn, series.grid, study.grid), CROP: study.regions[CROP]}


def _cut(masks: Mapping[str, Mask], grid: VoxelGrid, wanted: VoxelGrid) -> dict[str, Mask]:
    return {name: resample_nearest(mask, grid, wanted) for name, mask in masks.items()}


def _measures(
    timed: TimedMoments, regions: Sequence[str], signal: np.ndarray[Any, Any]
) -> tuple[dict[str, Measure], tuple[str, ...]]:
    if timed.series.kind == "contrast":
        of_region = {
            region: enhancement(curve, timed.series.times.time_s)
            for region, curve in zip(regions, signal, strict=True)
        }
        return _flat(of_region), ()
    if timed.phases is None:
        return {}, ()
    voxel_mm3 = abs(float(np.linalg.det(timed.series.grid.affine[:3, :3])))
    found = {}
    for part, region in timed.ventricles.items():
        counts = [
            int(timed.drawn[frame][region].sum()) if region in timed.drawn.get(frame, {}) else None
            for frame in (timed.phases.end_diastole, timed.phases.end_systole)
        ]
        found[part] = ejection(counts[0], counts[1], voxel_mm3 if timed.series.spacing_known else None)
    low, high = _PLAUSIBLE_EJECTION
    odd = tuple(
        f"an ejection fraction of {measures['ejection_fraction'].value:.3g} ({part}): look at its masks"
        for part, measures in found.items()
        if not low <= measures["ejection_fraction"].value <= high and not measures["ejection_fraction"].why
    )
    return _flat(found), odd


def _flat(measures: Mapping[str, Mapping[str, Measure]]) -> dict[str, Measure]:
    return {f"{part}/{name}": one for part, named in measures.items() for name, one in named.items()}


def _named(timed: TimedMoments) -> dict[str, Json]:
    if timed.phases is None:
        return {}
    return {"end_diastole": timed.phases.end_diastole, "end_systole": timed.phases.end_systole}


def _told(timed: TimedMoments) -> dict[str, Json]:
    """Return what the entry says of how a series was timed and its moments were found."""
    series = timed.series
    told: dict[str, Json] = {
        "kind": series.kind,
        "frames": series.frames,
        "times_from": series.times.source,
        **timed.told,
    }
    if timed.phases is not None:
        told["end_diastole_frame"] = int(series.numbers[timed.phases.end_diastole])
        told["end_systole_frame"] = int(series.numbers[timed.phases.end_systole])
        told["phases_from"] = timed.phases.found_by
        told["frames_with_masks"] = len(timed.drawn)
    if timed.ventricles:
        told["ventricles"] = dict(timed.ventricles)
        told["conventions"] = dict(CONVENTIONS)
    return told
