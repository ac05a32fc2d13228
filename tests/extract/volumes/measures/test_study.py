"""Measures in the entry of a study: from files, on the study's grid, named alike in every entry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from extract.encoders.weights import WeightsSource
from extract.volumes.stage import VolumeStage
from feature_cache.entry import OBSERVED, UNKNOWN, EntryDraft
from feature_cache.errors import RecipeError
from tests.extract.volumes.files import write_nifti
from tests.extract.volumes.studies import (
    ALL,
    PROSTATE,
    T2W,
    build,
    cohort_of,
    gland,
    items_of,
    mask,
    row_of,
    series,
)

PROSTATE_BLOCK: dict[str, Any] = {"measures": {"organ": "prostate", "ring_mm": 3}}


@pytest.fixture(scope="module")
def study(study: Path) -> Path:
    """The same with zones."""
    zones = np.where(gland(T2W), np.where(np.arange(T2W.size[0])[:, None, None] < 12, 1, 2), 0)
    write_nifti(study / "zones.nii.gz", zones.astype(np.uint8), T2W.affine)
    return study


def measured(draft: EntryDraft) -> dict[str, tuple[float, int]]:
    names = draft.attrs["measure_names"]
    assert isinstance(names, list)
    pairs = zip(draft.arrays["measures"].tolist(), draft.arrays["measure_state"].tolist(), strict=True)
    return dict(zip(map(str, names), pairs, strict=True))


def test_zones_become_a_gland_with_numbers(study: Path) -> None:
    zones = mask("zones", "zones.nii.gz", "1=PZ;2=TZ")
    draft = build(cohort_of(ALL, [zones]), study, PROSTATE_BLOCK)
    found = measured(draft)
    ml = float(gland(T2W).sum()) * 0.75 / 1000
    assert found["gland_volume_ml"] == (pytest.approx(ml), OBSERVED)
    assert found["peripheral_volume_ml"][0] + found["transition_volume_ml"][0] == pytest.approx(ml)
    assert found["lesion_present"][1] == UNKNOWN
    # the encoder of statistics measures the same region in another place
    assert found["gland_adc_p10"][0] == pytest.approx(row_of(draft, "adc", "gland")["stat_p10"], rel=1e-6)
    assert row_of(draft, "t2w", "gland")["morph_vol_approx"] == pytest.approx(1000 * ml, rel=1e-6)
    assert draft.attrs["regions"] == ["zones_PZ", "zones_TZ", "gland", "gland_ring", "crop"]
    # derived regions are encoded like drawn ones, and no picture claims that somebody drew them
    assert {"series": "adc", "region": "gland_ring"} in list(draft.attrs["region_rows"])  # type: ignore[arg-type]
    assert draft.attrs["preview_regions"] == ["zones_PZ", "zones_TZ"]
    assert draft.arrays["preview_masks"].shape[0] == 2
    parts: Any = draft.attrs["measured"]
    assert parts["parts"]["gland"] == {"state": "observed", "of": "union of zones_PZ, zones_TZ"}
    assert parts["adc_series"] == "adc"
    assert "lesion region unavailable: no mask of the lesion" in draft.warnings
    assert not any("gland_ring" in text for text in draft.warnings)


def test_every_entry_has_the_same_names(study: Path) -> None:
    with_mask = build(cohort_of(ALL, [PROSTATE]), study, PROSTATE_BLOCK)
    without = build(cohort_of([series("t2w")]), study, PROSTATE_BLOCK)
    assert with_mask.attrs["measure_names"] == without.attrs["measure_names"]
    assert {state for _, state in measured(without).values()} == {UNKNOWN}
    reasons: Any = without.attrs["measure_reasons"]
    assert reasons["gland_volume_ml"] == "no mask of the gland"


def test_a_recipe_that_does_not_ask_gets_none_and_keeps_its_name(study: Path) -> None:
    plain = build(cohort_of(ALL, [PROSTATE]), study)
    assert "measures" not in plain.arrays and "measure_names" not in plain.attrs
    assert plain.attrs["regions"] == ["prostate", "crop"] and "measures" not in plain.settings
    (asked,) = items_of(cohort_of(ALL, [PROSTATE]), study, PROSTATE_BLOCK)
    assert asked.recipe.hash != plain.key.recipe_hash
    assert asked.recipe.settings["algorithm"]["derived_regions"] == 1  # type: ignore[index,call-overload]


def test_two_runs_give_the_same_bits(study: Path) -> None:
    first, second = (build(cohort_of(ALL, [PROSTATE]), study, PROSTATE_BLOCK) for _ in range(2))
    for name, array in first.arrays.items():
        assert array.tobytes() == second.arrays[name].tobytes(), name
    assert first.attrs == second.attrs


@pytest.mark.parametrize(
    "block",
    [{"organ": "liver"}, {}, {"organ": "heart", "regions": {"spleen": ["a"]}}, {"organ": "heart", "ring": 3}],
)
def test_what_no_recipe_may_say(block: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match=r"recipe own: volumes\.measures"):
        VolumeStage().resolve("own", {"measures": block}, cohort_of(ALL), WeightsSource())


def test_a_ring_that_the_crop_would_cut_is_refused() -> None:
    wide = {"margin_mm": 4, "measures": {"organ": "prostate"}}
    with pytest.raises(RecipeError, match="ring_mm above margin_mm"):
        VolumeStage().resolve("own", wide, cohort_of(ALL), WeightsSource())
    VolumeStage().resolve("own", {**wide, "measures": {"organ": "heart"}}, cohort_of(ALL), WeightsSource())


def test_quality_of_each_series_stands_beside_the_numbers(study: Path) -> None:
    quality: Any = build(cohort_of(ALL, [PROSTATE]), study).quality["series"]
    assert list(quality) == ["t2w", "adc", "hbv"]
    assert {own["placed_by"] for own in quality.values()} == {"header"}
    # of the series as it was read: the crop is smaller, and the ADC's grid another
    assert quality["t2w"]["field_of_view_mm"] == [12.0, 10.0, 24.0]
    assert quality["adc"]["field_of_view_mm"] == [20.0, 18.0, 25.2]
    assert (quality["t2w"]["tilt_degrees"], quality["t2w"]["clipped"]) == (18.5, False)


def test_a_lesion_that_a_coarser_grid_lost_is_no_negative(study: Path) -> None:
    speck = np.zeros(T2W.size, dtype=np.uint8)
    speck[12, 10, 4] = 1
    write_nifti(study / "speck.nii.gz", speck, T2W.affine)
    cohort = cohort_of(ALL, [PROSTATE, mask("lesion", "speck.nii.gz")])
    assert measured(build(cohort, study, PROSTATE_BLOCK))["lesion_present"] == (1.0, OBSERVED)
    coarse = build(cohort, study, {**PROSTATE_BLOCK, "spacing_mm": [2.0, 2.0, 3.0]})
    assert "mask lesion: lesion has no voxel left on the grid of the study" in coarse.warnings
    assert measured(coarse)["lesion_present"][1] == measured(coarse)["lesion_volume_ml"][1] == UNKNOWN
    reasons: Any = coarse.attrs["measure_reasons"]
    assert reasons["lesion_volume_ml"] == "the lesion has no voxel left on the grid of the study"
