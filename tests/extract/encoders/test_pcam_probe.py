"""The tile encoder on real, labelled tiles: finite everywhere, and a linear probe sees the tumour."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from extract.encoders.stain_texture_nuclei import FEATURE_NAMES, StainTextureNuclei
from tests.published.pcam import encode, held_out_auc, read_tiles

PER_CLASS = 250


@dataclass(frozen=True, kw_only=True)
class Probe:
    features: np.ndarray
    tumour: np.ndarray
    fold: np.ndarray


@pytest.fixture(scope="module")
def probe(shared_data: Path) -> Probe:
    tiles = read_tiles(shared_data, PER_CLASS)
    assert np.bincount(tiles.tumour).tolist() == [PER_CLASS, PER_CLASS]
    features = encode(StainTextureNuclei(), tiles.pixels, None)
    return Probe(features=features, tumour=tiles.tumour, fold=tiles.fold)


def test_features_of_real_tiles_are_finite_and_all_of_them_vary(probe: Probe) -> None:
    assert probe.features.shape == (2 * PER_CLASS, len(FEATURE_NAMES))
    assert np.isfinite(probe.features).all()
    spread = probe.features.std(axis=0)
    assert dict(zip(FEATURE_NAMES, spread, strict=True)).keys() == set(FEATURE_NAMES)
    assert (spread > 1e-4).all()


def test_a_linear_probe_tells_tumour_from_none(probe: Probe) -> None:
    """`make published` has all 2,400 tiles, and a real network beside these 38 numbers."""
    assert held_out_auc(probe.features, probe.tumour, probe.fold) > 0.85


def test_it_tells_nothing_where_there_is_nothing_to_tell(probe: Probe) -> None:
    shuffled = np.random.default_rng(0).permutation(probe.tumour)
    assert 0.4 < held_out_auc(probe.features, shuffled, probe.fold) < 0.6


def test_tumour_has_larger_and_less_even_nuclei(probe: Probe) -> None:
    """What a pathologist sees: nuclei of metastases in lymph nodes are larger and vary more."""
    tumour = probe.tumour == 1
    for name in ("nuclei_area_mean_um2", "nuclei_area_sd_um2"):
        values = probe.features[:, FEATURE_NAMES.index(name)]
        assert np.median(values[tumour]) > np.median(values[~tumour]), name
