"""Volumes as a modality: one entry a study, all its series on one grid, one row for a series and a region.

Enters: rows of series.csv and masks.csv. Leaves: tokens with their places, rows pooled in regions, radiomics
of every region, a preview. What is not there is named (`series_missing`) and NaN, never 0. A study with a
file that cannot be used fails as a whole: with a series less it would be another study.
"""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from extract.encoders.card import VolumeEncoder
from extract.encoders.registry import find_encoder, load_encoder
from extract.encoders.weights import WeightsSource
from extract.item import HashFile, ResolvedBlock, WorkItem
from extract.volumes.codebook import CROP
from extract.volumes.encoded_study import (
    encode_series,
    encode_together,
    name_rows,
    name_shown,
    refuse_unfit,
    rounded,
    rows_beyond,
    time_arrays,
    token_arrays,
)
from extract.volumes.header import open_points, open_volume
from extract.volumes.intensity import prepare_series
from extract.volumes.manifest import facts_of, known_day, mask_files, series_files, studies_of
from extract.volumes.mask_origin import drawn_by, origin_doubts
from extract.volumes.preview import MOST_PX, MOST_SLICES, draw_preview
from extract.volumes.settings import MODALITY, RADIOMICS, read_settings, resolve_volumes
from extract.volumes.sources import bytes_of, source_of
from extract.volumes.study import Study, read_study
from extract.volumes.time.moments import find_moments
from extract.volumes.time.over_time import describe_over_time, with_measures
from feature_cache.canonical import Json, canonical_json, sha256_of_json
from feature_cache.cohort import Cohort
from feature_cache.entry import EntryDraft, EntryKey, Source


class VolumeStage:
    """See `extract.item.Stage`."""

    block = modality = MODALITY

    def resolve(
        self, name: str, block: dict[str, Json], cohort: Cohort, weights: WeightsSource
    ) -> ResolvedBlock:
        """Return the recipe with the encoder's card and all defaults (see `settings.py`)."""
        return resolve_volumes(name, block, cohort, weights)

    def items(self, cohort: Cohort, root: Path, resolved: ResolvedBlock) -> list[WorkItem]:
        """Return one item for every study of series.csv that has a series of the recipe's sequences."""
        _, block = read_settings(resolved.recipe)
        return [
            WorkItem(
                block=self.block,
                key=EntryKey.of(cohort.name, resolved.recipe, rows.case_id, rows.study_id),
                recipe=resolved.recipe,
                root=root,
                files=rows.files,
                facts=rows.facts,
                weights=resolved.weights,
            )
            for rows in studies_of(cohort, block.sequences)
        ]

    def sources(self, item: WorkItem, hash_file: HashFile) -> tuple[Source, ...]:
        """Hash every series and mask, and what the manifest says of them (days, spacings, codebooks)."""
        found = []
        for role in item.files:
            found.append(source_of(role, item.source_of(role), item.name_of(role), hash_file))
        facts: Json = dict(item.facts)
        found.append(
            Source(role="manifest_study", sha256=sha256_of_json(facts), bytes=len(canonical_json(facts)))
        )
        return tuple(found)

    def build(self, item: WorkItem, sources: tuple[Source, ...]) -> EntryDraft:
        """Read, lay on one grid, crop and encode the study.

        Raises
        ------
        SourceError
            A series is later than the prediction day or has no known day; or see `read_study`.
        """
        day = known_day(item)
        card, block = read_settings(item.recipe)
        said = {} if block.measures is None else block.measures.regions
        moments = find_moments(series_files(item), mask_files(item), block.time, said, str(item))
        study = read_study(moments.series, moments.masks, block, str(item))
        encoder: VolumeEncoder = load_encoder(card, item.weights)
        shown, intensity = prepare_series(study.series, study.regions, card, block.intensity, said)
        refuse_unfit(card, study, str(item))
        encoded = encode_series(encoder, replace(study, series=shown), str(item))
        together = encode_together(encoder, replace(study, series=shown), encoded, str(item))
        over_time = describe_over_time(moments.timed, study, encoder, card, str(item))
        study = replace(study, measures=with_measures(study.measures, over_time))
        statistics: VolumeEncoder = load_encoder(find_encoder(RADIOMICS, MODALITY))
        as_read = card.name == RADIOMICS and not intensity
        measured = encoded if as_read else encode_series(statistics, study, str(item))
        radiomics = np.concatenate([one.regions for one in measured]).astype("<f4")
        drawn = {name: mask for name, mask in study.regions.items() if name not in {CROP, *study.derived}}
        preview = draw_preview(study.series, drawn)
        return EntryDraft(
            key=item.key,
            kind="volume",
            sources=sources,
            settings=item.recipe.settings,
            arrays={
                **token_arrays(encoded, study, card.stored_dtype, str(item)),
                **time_arrays(over_time, card.stored_dtype, str(item)),
                **({} if study.measures is None else study.measures.arrays()),
                "radiomics": np.pad(radiomics, rows_beyond(together, study), constant_values=np.nan),
                "affine": study.grid.affine.astype("<f8"),
                "preview": preview.images,
                "preview_masks": preview.masks,
            },
            attrs={
                **name_rows(study, together),
                "series_missing": _missing(item, study),
                "feature_names": list(encoder.feature_names),
                "radiomics_names": list(statistics.feature_names),
                "spacing_known": study.spacing_known,
                "day": day,
                "preview_regions": list(drawn),
                "preview_slices": list(preview.slices),
                "preview_spacing_mm": rounded(preview.spacing) if study.spacing_known else None,
                **({} if study.measures is None else study.measures.attrs()),
                **name_shown(encoded, study),
                **intensity,
                **study.described,
                **({} if over_time is None else over_time.attrs),
            },
            used={
                "reader": "braid",
                "scikit_image": version("scikit-image"),  # the surface of a shape is its marching cubes
                "encoder": card.name,
                **item.weights_used,
                **encoder.used,
                **drawn_by(item),
            },
            quality={**study.quality, "token_coverage": [rounded(one.coverage) for one in encoded]},
            warnings=(
                *study.warnings,
                *origin_doubts(item),
                *(() if over_time is None else over_time.warnings),
            ),
        )

    def cost(self, item: WorkItem) -> dict[str, int]:
        """Return the bytes of all files, and what the previews take at most: most of an entry."""
        series, masks = series_files(item), mask_files(item)
        _, block = read_settings(item.recipe)
        drawn = [open_points(mask.path, mask.where, "label").grid for mask in masks]
        for one in series:
            if block.time is not None and block.time.kind_of(one.sequence) is not None:
                open_points(one.path, one.where, sequence=one.sequence)
            else:
                open_volume(one.path, one.where, sequence=one.sequence, masks=drawn)
        return {
            "bytes": bytes_of({file.path for file in series} | {mask.path for mask in masks}),
            "cache_bytes_at_most": (len(series) + 2 * len(masks)) * MOST_SLICES * MOST_PX**2,
        }


def _missing(item: WorkItem, study: Study) -> list[Json]:
    there = {one.sequence for one in study.series}
    return [sequence for sequence in facts_of(item).expected if sequence not in there]
