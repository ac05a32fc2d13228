"""What an encoder is shown: ADC by a fixed number, T2W by the gland; radiomics stay those of the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from extract.encoders.dinov2 import scale
from extract.encoders.input_contract import InputContract
from extract.encoders.registry import find_encoder
from extract.encoders.weights import WeightsSource
from extract.volumes.intensity import Intensity, prepare_series
from extract.volumes.stage import VolumeStage
from extract.volumes.volume import SeriesOnGrid
from feature_cache.errors import RecipeError, SourceError
from tests.extract.volumes.studies import ALL, PROSTATE, build, cohort_of, row_of, write_study

CARD = find_encoder("first_order_shape", "volumes")
SHAPE = (4, 5, 6)
RULES = {"t2w": "robust_z", "adc": "fixed"}


def one(sequence: str, voxels: np.ndarray[Any, Any]) -> SeriesOnGrid:
    return SeriesOnGrid(
        sequence=sequence, voxels=voxels.astype(np.float32), affine=np.eye(4), spacing_known=True
    )


def prepared(series: SeriesOnGrid, rules: dict[str, str], **regions: Any) -> tuple[SeriesOnGrid, Any]:
    asked = Intensity.model_validate(rules)
    shown, told = prepare_series([series], regions, CARD, asked, {})
    return shown[0], told["intensity"][series.sequence]


class TestPrepareSeries:
    def test_adc_is_divided_by_the_same_number_in_every_patient(self) -> None:
        voxels = np.linspace(1, 3000, 120).reshape(SHAPE)
        voxels[0, 0, 0] = np.nan
        shown, told = prepared(one("adc", voxels), RULES)
        np.testing.assert_allclose(shown.voxels, voxels / 1000, rtol=1e-6)
        assert told == {"policy": "fixed", "divided_by": 1000.0, "unit": "1e-3 mm2/s"}

    def test_t2w_is_standardised_by_median_and_deviation_of_the_gland(self) -> None:
        rng = np.random.default_rng(0)
        voxels, gland = rng.normal(500, 80, SHAPE), np.zeros(SHAPE, bool)
        gland[1:3, 1:4, 1:5] = True
        voxels[~gland] *= 7
        shown, told = prepared(one("t2w", voxels), RULES, prostate=gland)
        inside = voxels[gland]
        spread = 1.4826 * np.median(np.abs(inside - np.median(inside)))
        np.testing.assert_allclose(shown.voxels, (voxels - np.median(inside)) / spread, rtol=1e-4, atol=1e-4)
        assert told["region"] == "prostate" and told["voxels"] == gland.sum()

    def test_zones_together_are_the_gland_and_without_any_it_is_the_body(self) -> None:
        voxels = np.full(SHAPE, 1.0)
        voxels[1:] = np.random.default_rng(0).normal(500, 80, (3, 5, 6))
        half, other = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
        half[1], other[2] = True, True
        assert prepared(one("t2w", voxels), RULES, PZ=half, TZ=other)[1]["region"] == "PZ and TZ"
        _, told = prepared(one("t2w", voxels), RULES, PZ=half)
        assert (
            told["region"].startswith("body: where t2w is above 5 %") and told["voxels"] == 90
        )  # the air of 1.0 is out

    def test_the_body_is_seen_on_the_reference(self) -> None:
        """At high b the noise of air is as bright as fat."""
        t2w = np.full(SHAPE, 1.0)
        t2w[1:] = 500.0
        hbv = np.random.default_rng(0).normal(20, 2, SHAPE)
        both = [one("t2w", t2w), replace(one("hbv", hbv), is_reference=False)]
        _, told = prepare_series(both, {}, CARD, Intensity.model_validate({"hbv": "robust_z"}), {})
        described: Any = told["intensity"]
        assert described["hbv"]["region"].startswith("body: where t2w is above")
        assert described["hbv"]["median"] == pytest.approx(np.median(hbv[1:]), rel=1e-6)

    def test_a_sequence_without_a_rule_is_raw_and_says_so(self) -> None:
        series = one("pd", np.arange(120).reshape(SHAPE))
        shown, told = prepared(series, RULES)
        assert shown is series and told == {"policy": "raw"}

    def test_a_blank_gland_is_refused(self) -> None:
        with pytest.raises(SourceError, match="half of them or more of one intensity"):
            prepared(one("t2w", np.ones(SHAPE)), RULES, gland=np.ones(SHAPE, bool))

    def test_a_network_with_an_intensity_of_its_own_is_shown_the_series_as_read(self) -> None:
        card = CARD.model_copy(update={"contract": InputContract(intensity="z-score inside the gland")})
        series = one("adc", np.linspace(1, 3000, 120).reshape(SHAPE))
        shown, told = prepare_series([series], {}, card, Intensity.model_validate(RULES), {})
        assert shown == (series,)
        assert told == {
            "intensity": {"policies": "not applied", "by_the_encoder": "z-score inside the gland"}
        }

    def test_a_window_takes_the_place_of_percentiles_for_networks_of_photographs(self) -> None:
        """Two patients with the same ADC are shown the same grey, whatever else lies in the crop."""
        low, high = one("adc", np.linspace(1, 1500, 120).reshape(SHAPE)), np.linspace(1, 3000, 120)
        first, _ = prepared(low, RULES)
        other, _ = prepared(one("adc", high.reshape(SHAPE)), RULES)
        greys = [scale(series.voxels, "adc", series.window).max() for series in (first, other)]
        assert greys == pytest.approx([0.5, 1.0]) and scale(low.voxels, "adc").max() == 1.0
        assert replace(first, window=None).window is None


class TestEntry:
    def test_the_encoder_sees_prepared_values_and_radiomics_those_of_the_file(self, tmp_path: Path) -> None:
        study, cohort = write_study(tmp_path), cohort_of(ALL, [PROSTATE])
        plain, draft = build(cohort, study), build(cohort, study, {"intensity": RULES})
        np.testing.assert_array_equal(draft.arrays["radiomics"], plain.arrays["radiomics"])
        rows: Any = draft.attrs["region_rows"]
        place = rows.index({"series": "adc", "region": "prostate"})
        names: Any = draft.attrs["feature_names"]
        median = draft.arrays["regions"][place][names.index("stat_median")]
        assert median == pytest.approx(row_of(plain, "adc", "prostate")["stat_median"] / 1000, rel=1e-5)
        told: Any = draft.attrs["intensity"]
        assert told["t2w"]["region"] == "prostate" and told["hbv"] == {"policy": "raw"}
        assert "intensity" not in plain.attrs


@pytest.mark.parametrize(
    ("block", "where"),
    [
        ({"intensity": {"adc": "robust_z"}}, "ADC is a quantity"),
        ({"intensity": {"t2w": "fixed"}}, "ADC is a quantity"),
        ({"intensity": {}}, "volumes.intensity"),
        (
            {
                "encoder": "ibsi_radiomics",
                "bins": {"count": 32, "width": {"adc": 50}},
                "intensity": {"adc": "fixed"},
            },
            "whose bins have a width in its own unit",
        ),
        ({"time": {}, "intensity": {"dce": "robust_z"}}, "read over time"),
        (
            {"sequences": ["t2w", "adc"], "intensity": {"t2": "robust_z"}},
            r"intensity: t2, which is not among sequences \(t2w, adc\)",
        ),
        (
            {"sequences": ["t2w", "adc"], "n4": {"sequences": ["t2w", "lge"]}},
            r"n4: lge, which is not among sequences \(t2w, adc\)",
        ),
    ],
)
def test_rules_that_contradict_the_recipe_are_refused(block: dict[str, Any], where: str) -> None:
    with pytest.raises(RecipeError, match=where):
        VolumeStage().resolve("w", block, cohort_of(ALL), WeightsSource())
