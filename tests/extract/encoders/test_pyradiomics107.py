"""The card of PyRadiomics' names: which rows tell a shape, which bins, and what an entry holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from extract.encoders.card import EncodedSeries
from extract.encoders.registry import find_encoder, load_encoder
from extract.volumes.pyradiomics.features import PYRADIOMICS
from extract.volumes.texture.bins import Bins, with_bins
from extract.volumes.volume import SeriesOnGrid
from feature_cache.errors import SourceError
from tests.extract.volumes.pyradiomics import phantom
from tests.extract.volumes.pyradiomics.test_features import REFERENCE
from tests.extract.volumes.studies import ALL, PROSTATE, build, cohort_of, write_study

CARD = find_encoder("pyradiomics107", "volumes")
REGIONS = {
    "roi": phantom.REGION,
    "nothing": np.zeros_like(phantom.REGION),
    "crop": np.ones_like(phantom.REGION),
}
IS_SHAPE = np.array([name.startswith("original_shape_") for name in PYRADIOMICS])
PLAIN = ~IS_SHAPE & (np.array(PYRADIOMICS) != "original_firstorder_TotalEnergy")


def encode(bins: Bins | None = None, *, reference: bool = True, spacing_known: bool = True) -> EncodedSeries:
    series = SeriesOnGrid(
        sequence="t2w",
        voxels=phantom.VOXELS,
        affine=np.diag([*phantom.SPACING, 1.0]),
        spacing_known=spacing_known,
        is_reference=reference,
    )
    encoded: EncodedSeries = load_encoder(with_bins(CARD, bins)).encode(series, REGIONS)
    return encoded


def test_names_and_card_agree() -> None:
    assert load_encoder(CARD).feature_names == PYRADIOMICS
    assert CARD.dim == 107
    assert CARD.identity()["architecture"] == {"bins": {"width": 25.0}}, "the width of PyRadiomics' defaults"


@pytest.mark.parametrize(("bins", "kept"), [(Bins(width=7), "width 7"), (Bins(count=12), "count 12")])
def test_a_row_is_what_pyradiomics_gives(bins: Bins, kept: str) -> None:
    expected = [REFERENCE[kept][name] for name in PYRADIOMICS]
    np.testing.assert_allclose(encode(bins).regions[0], expected, rtol=1e-6)


def test_shape_is_told_once_a_study_and_in_mm() -> None:
    assert np.isfinite(encode().regions[0]).all()
    other = encode(reference=False).regions[0]
    assert np.isnan(other[IS_SHAPE]).all()
    assert np.isfinite(other[~IS_SHAPE]).all()
    unknown = encode(spacing_known=False).regions[0]
    assert (np.isfinite(unknown) == PLAIN).all()
    crop = encode().regions[2]
    assert np.isnan(crop[IS_SHAPE]).all()
    assert np.isfinite(crop[~IS_SHAPE]).all()


def test_an_empty_region_is_nan_and_has_no_token() -> None:
    encoded = encode()
    assert np.isnan(encoded.regions[1]).all()
    assert len(encoded.embeddings) == 2


def test_bins_that_make_too_many_levels_are_refused() -> None:
    with pytest.raises(SourceError, match="at most 512 grey levels"):
        encode(Bins(width=0.1))


def test_an_entry_holds_the_107_of_every_series_and_region(tmp_path: Path) -> None:
    draft = build(cohort_of(ALL, (PROSTATE,)), write_study(tmp_path), {"encoder": "pyradiomics107"})
    assert draft.attrs["feature_names"] == list(PYRADIOMICS)
    assert draft.arrays["regions"].shape == (6, 107)
    assert np.isfinite(draft.arrays["regions"][0]).all()
