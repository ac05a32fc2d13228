"""The card of everything the IBSI defines: its rows, its bins, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from extract.encoders.card import EncodedSeries
from extract.encoders.registry import find_encoder, load_encoder
from extract.recipe import read_recipe
from extract.volumes.texture.bins import Bins, with_bins
from extract.volumes.texture.grey_levels import levelled, levels_of_count, levels_of_width
from extract.volumes.texture.ibsi import TEXTURE, texture
from extract.volumes.volume import SeriesOnGrid
from feature_cache.errors import RecipeError, SourceError
from tests.extract.volumes import ibsi_phantom
from tests.extract.volumes.studies import ALL, PROSTATE, build, cohort_of, items_of, write_study

CARD = find_encoder("ibsi_radiomics", "volumes")
NAMES = load_encoder(CARD).feature_names
FROM = NAMES.index(TEXTURE[0])
VALUES = ibsi_phantom.INTENSITY[ibsi_phantom.REGION].astype(np.float64)
REGIONS = {"roi": ibsi_phantom.REGION, "nothing": np.zeros_like(ibsi_phantom.REGION)}


def encode(bins: Bins | None, voxels: np.ndarray = ibsi_phantom.INTENSITY) -> EncodedSeries:
    series = SeriesOnGrid(
        sequence="adc", voxels=voxels.astype(np.float32), affine=ibsi_phantom.AFFINE, spacing_known=True
    )
    encoded: EncodedSeries = load_encoder(with_bins(CARD, bins)).encode(series, REGIONS)
    return encoded


def test_names_and_card_agree() -> None:
    assert len(NAMES) == len(set(NAMES)) == CARD.dim == 34 + 159
    assert CARD.identity()["architecture"] == {"bins": {"count": 32}}, "bins name the feature set"


def test_a_row_begins_as_that_of_first_order_shape() -> None:
    series = SeriesOnGrid(
        sequence="adc",
        voxels=ibsi_phantom.INTENSITY.astype(np.float32),
        affine=ibsi_phantom.AFFINE,
        spacing_known=True,
    )
    plain = load_encoder(find_encoder("first_order_shape")).encode(series, REGIONS)
    np.testing.assert_array_equal(encode(None).regions[:, :FROM], plain.regions)


@pytest.mark.parametrize(
    ("bins", "levels"),
    [
        (Bins(count=4), levels_of_count(VALUES, 4)),
        (Bins(width=2), levels_of_width(VALUES, 2)),
        (Bins(count=4, width={"ADC": 2}), levels_of_width(VALUES, 2)),
        (Bins(count=4, width={"t2w": 2}), levels_of_count(VALUES, 4)),
        (None, levels_of_count(VALUES, 32)),
    ],
)
def test_texture_is_that_of_the_recipes_bins(bins: Bins | None, levels: np.ndarray) -> None:
    expected = texture(levelled(ibsi_phantom.REGION, levels, int(levels.max())))
    np.testing.assert_allclose(encode(bins).regions[0, FROM:], expected, rtol=1e-6)


def test_voxels_outside_the_field_of_view_are_left_out() -> None:
    voxels = ibsi_phantom.INTENSITY.astype(np.float32)
    voxels[0] = np.nan
    inside = ibsi_phantom.REGION & np.isfinite(voxels)
    levels = levels_of_width(voxels[inside].astype(np.float64), 1)
    encoded = encode(Bins(width=1), voxels)
    expected = texture(levelled(inside, levels, int(levels.max())))
    np.testing.assert_allclose(encoded.regions[0, FROM:], expected, rtol=1e-6)
    assert 0 < encoded.coverage[0] < 1
    assert np.isnan(encoded.regions[1, FROM:]).all(), "an empty region has no texture"


def test_bins_that_make_too_many_levels_are_refused() -> None:
    with pytest.raises(SourceError, match=r"at most 512 grey levels.*about 5,001"):
        encode(Bins(width=0.001))


def test_an_entry_holds_the_texture_of_every_series_and_region(tmp_path: Path) -> None:
    cohort = cohort_of(ALL, (PROSTATE,))
    block = {"encoder": "ibsi_radiomics", "bins": {"count": 16, "width": {"adc": 50}}}
    draft = build(cohort, write_study(tmp_path), block)
    regions = draft.arrays["regions"]
    assert draft.attrs["feature_names"] == list(NAMES)
    assert regions.shape == (6, 193), "three series, gland and crop"
    assert np.isfinite(regions[:, FROM:]).all()
    rows = draft.attrs["region_rows"]
    assert isinstance(rows, list)
    most = NAMES.index("ih_max")
    assert regions[rows.index({"series": "t2w", "region": "prostate"}), most] == 16
    span = np.ptp(_inside(draft, "adc"))
    assert regions[rows.index({"series": "adc", "region": "prostate"}), most] == span // 50 + 1


def _inside(draft: Any, sequence: str) -> np.ndarray:
    rows = draft.attrs["region_rows"]
    names = draft.attrs["radiomics_names"]
    row = draft.arrays["radiomics"][rows.index({"series": sequence, "region": "prostate"})]
    return np.array([row[names.index("stat_min")], row[names.index("stat_max")]])


def test_other_bins_are_another_feature_set_and_no_bins_leave_recipes_as_they_were(tmp_path: Path) -> None:
    cohort, root = cohort_of(ALL, (PROSTATE,)), write_study(tmp_path)

    def name_of(block: dict[str, Any]) -> str:
        return items_of(cohort, root, block)[0].recipe.folder

    plain = name_of({"encoder": "ibsi_radiomics"})
    assert plain == name_of({"encoder": "ibsi_radiomics", "bins": {"count": 32}})
    assert plain != name_of({"encoder": "ibsi_radiomics", "bins": {"count": 16}})
    (item,) = items_of(cohort, root)
    assert "bins" not in item.recipe.settings
    assert "architecture" not in item.recipe.settings["encoder"]  # type: ignore[operator]


@pytest.mark.parametrize(
    "bins",
    [
        {},
        {"count": 32, "width": 25},
        {"width": {"adc": 25}},
        {"count": 1},
        {"width": 0},
        {"width": {"adc": -1}},
    ],
)
def test_bins_that_say_nothing_or_two_things_are_refused(tmp_path: Path, bins: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match="bins"):
        items_of(cohort_of(ALL), tmp_path, {"encoder": "ibsi_radiomics", "bins": bins})


def test_bins_for_an_encoder_without_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="takes intensities as they are"):
        items_of(cohort_of(ALL), tmp_path, {"bins": {"count": 32}})


def test_the_shipped_recipe_is_this_encoder_with_its_bins() -> None:
    (part,) = read_recipe("radiomics").parts
    assert part.settings == {"encoder": "ibsi_radiomics", "bins": {"count": 32}}
