"""A known bias field is taken out, twice the same bits, and never out of ADC."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from extract.encoders.weights import WeightsSource
from extract.volumes.n4 import N4, correct_bias
from extract.volumes.stage import VolumeStage
from feature_cache.errors import RecipeError, SourceError
from tests.extract.volumes.studies import ALL, PROSTATE, build, cohort_of, write_study

QUICK = N4(sequences=("t2w",), shrink=2, iterations=(30, 20))
SPACING = (1.0, 1.0, 3.0)


def biased() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Two tissues and air under a field that doubles from one side to the other; and where tissue is."""
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in (40, 40, 12)), indexing="ij")
    tissue = x**2 + y**2 < 0.8
    plain = np.where(tissue, np.where((x * 5).astype(int) % 2 == 0, 400.0, 300.0), 5.0)
    plain += np.random.default_rng(0).normal(0, 5, plain.shape)
    return (plain * np.exp(0.35 * y + 0.1 * z)).clip(0).astype(np.float32), tissue


def test_a_known_field_is_mostly_taken_out_and_missing_voxels_stay_missing() -> None:
    voxels, tissue = biased()
    voxels[3, 20, 6] = np.nan
    corrected, told = correct_bias(voxels, SPACING, QUICK, "a file")
    same, _ = correct_bias(voxels, SPACING, QUICK, "a file")
    np.testing.assert_array_equal(corrected, same)
    assert np.isnan(corrected[3, 20, 6]) and np.isfinite(corrected).sum() == corrected.size - 1

    def slope(values: np.ndarray[Any, Any]) -> float:
        """How much brighter the far side is, as a ratio."""
        y = np.indices(values.shape)[1]
        inside = tissue & np.isfinite(values)
        return float(np.median(values[inside & (y > 26)]) / np.median(values[inside & (y < 13)]))

    assert slope(voxels) > 1.4
    assert abs(slope(corrected) - 1) < 0.12
    assert told["shrink"] == [2, 2, 1] and told["field_p99"] > told["field_p1"] > 0


def test_a_blank_series_is_refused() -> None:
    with pytest.raises(SourceError, match="one intensity"):
        correct_bias(np.ones((8, 8, 8), np.float32), SPACING, QUICK, "a file")


def test_it_stands_in_the_entry_and_in_the_name_of_the_feature_set(tmp_path: Path) -> None:
    study, cohort = write_study(tmp_path), cohort_of(ALL, [PROSTATE])
    block: dict[str, Any] = {"n4": {"sequences": ["T2W"], "shrink": 1, "iterations": [5]}}
    draft, plain = build(cohort, study, block), build(cohort, study)
    quality: Any = draft.quality["series"]
    assert quality["t2w"]["n4"]["simpleitk"] and "n4" not in quality["adc"]
    assert not np.array_equal(draft.arrays["radiomics"], plain.arrays["radiomics"])
    settings: Any = VolumeStage().resolve("w", block, cohort, WeightsSource()).recipe.settings
    assert settings["n4"]["sequences"] == ["t2w"] and settings["algorithm"]["n4"] == 1


def test_adc_has_no_bias_field() -> None:
    with pytest.raises(RecipeError, match="a quotient of images has no bias field"):
        VolumeStage().resolve("w", {"n4": {"sequences": ["adc"]}}, cohort_of(ALL), WeightsSource())
