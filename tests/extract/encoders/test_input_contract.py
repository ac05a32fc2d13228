"""Contracts: what is refused and in which words, and that a series laid on one keeps its voxels in place."""

from __future__ import annotations

import re

import numpy as np
import pytest

from extract.encoders.card import EncoderCard
from extract.encoders.input_contract import InputContract, check_contract, show
from extract.encoders.registry import encoder_cards, find_encoder
from extract.encoders.requirements import encoder_table
from extract.volumes.volume import SeriesOnGrid
from feature_cache.errors import SourceError

#: 40 x 48 px of 0.5 mm on 6 slices of 3 mm, stored left-posterior-superior.
AFFINE = np.array([[-0.5, 0, 0, 20.0], [0, -0.5, 0, 12], [0, 0, 3, -9], [0, 0, 0, 1]])
SHAPE = (40, 48, 6)


def _series(affine: np.ndarray = AFFINE, known: bool = True, sequence: str = "t2w") -> SeriesOnGrid:
    voxels = np.random.default_rng(0).gamma(2, 100, size=SHAPE).astype(np.float32)
    return SeriesOnGrid(sequence=sequence, voxels=voxels, affine=affine, spacing_known=known)


def _refusal(contract: InputContract, series: SeriesOnGrid, **regions: np.ndarray) -> str:
    with pytest.raises(SourceError) as refused:
        check_contract(contract, series, regions, "net")
    return str(refused.value)


def test_another_sequence_is_refused_with_the_line_for_the_recipe() -> None:
    said = _refusal(InputContract(sequences=("t2w", "t2")), _series(sequence="adc"))
    assert said.startswith("series adc for encoder net: expected a series of t2w or t2")
    assert "`sequences: [t2w]`" in said


def test_an_unknown_spacing_is_refused_where_millimetres_count() -> None:
    unknown = _series(affine=np.eye(4), known=False)
    assert "voxels of 0.5 x 0.5 x any mm" in _refusal(InputContract(spacing_mm=(0.5, 0.5, None)), unknown)
    check_contract(InputContract(), unknown, {}, "net")


def test_another_spacing_is_refused_or_resampled_as_the_card_says_and_written_down() -> None:
    strict = InputContract(orientation="LPS", spacing_mm=(0.5, 0.5, 2.0), on_other_spacing="refused")
    said = _refusal(strict, _series())
    assert re.search(r"expected voxels of 0\.5, 0\.5, 2 mm .*; got 0\.5 x 0\.5 x 3", said)
    assert "`spacing_mm: [0.5, 0.5, 2]`" in said
    shown = show(strict.model_copy(update={"on_other_spacing": "resampled"}), _series(), {}, "net")
    assert shown.voxels.shape == (40, 48, 9)
    assert shown.applied["resampled_from_mm"] == [0.5, 0.5, 3.0] and shown.applied["spacing_mm"][2] == 2.0


def test_a_mask_that_is_needed_must_be_there_and_not_empty() -> None:
    contract, gland = InputContract(region_needed="gland"), np.zeros(SHAPE, dtype=bool)
    said = _refusal(contract, _series(), prostate=gland)
    assert "a mask of the gland that is not empty; got regions prostate" in said
    gland[20, 20, 2] = True
    check_contract(contract, _series(), {"prostate": gland}, "net")


def test_slices_of_another_plane_are_refused() -> None:
    sagittal = np.array([[0, 0, 3, -9], [-0.5, 0, 0, 20.0], [0, -0.5, 0, 12], [0, 0, 0, 1]])
    assert "expected axial slices" in _refusal(InputContract(orientation="LPS"), _series(sagittal))


def test_a_crop_that_shows_too_little_is_refused() -> None:
    said = _refusal(InputContract(orientation="LPS", least_extent_mm=22.0), _series())
    assert "at least 22 mm along columns and rows; got 20 mm" in said and "margin_mm" in said


@pytest.mark.parametrize("orientation", ["LPS", "RAS", "LAI"])
def test_reordering_changes_no_voxel_and_leaves_each_where_it_lies(orientation: str) -> None:
    series = _series()
    shown = show(InputContract(orientation=orientation), series, {}, "net")
    assert sorted(shown.voxels.ravel()) == sorted(series.voxels.ravel())
    for index in [(0, 0, 0), (39, 47, 5), (7, 30, 2)]:
        place = series.affine @ [*index, 1]
        there = np.rint(np.linalg.solve(shown.affine, place)[:3]).astype(int)
        assert shown.voxels[tuple(there)] == series.voxels[index]
    towards = np.array([{"R": 1, "A": 1, "S": 1}.get(letter, -1) for letter in orientation])
    np.testing.assert_array_equal(np.sign(np.diag(shown.affine)[:3]), towards)


def test_the_same_scan_stored_mirrored_is_shown_alike() -> None:
    contract = InputContract(orientation="LPS", spacing_mm=(0.7, 0.7, None), size=(32, 32, None))
    plain = _series()
    flipped = AFFINE @ np.diag([-1.0, 1, 1, 1])
    flipped[:3, 3] = (AFFINE @ [SHAPE[0] - 1, 0, 0, 1])[:3]
    mirrored = SeriesOnGrid(sequence="t2w", voxels=plain.voxels[::-1], affine=flipped, spacing_known=True)
    first, second = (show(contract, one, {}, "net") for one in (plain, mirrored))
    np.testing.assert_allclose(first.voxels, second.voxels, rtol=1e-4)
    np.testing.assert_allclose(first.affine, second.affine, atol=1e-9)


def test_what_is_padded_is_outside_the_field_of_view_and_a_region_is_in_the_middle() -> None:
    gland = np.zeros(SHAPE, dtype=bool)
    gland[5:8, 40:43, 1] = True
    contract = InputContract(orientation="LPS", size=(31, 31, None), centred_on="gland")
    shown = show(contract, _series(), {"gland": gland}, "net")
    assert shown.voxels.shape == (31, 31, 6)
    centre = np.linalg.solve(shown.affine, AFFINE @ [6, 41, 1, 1])[:3]
    np.testing.assert_allclose(centre, [15, 15, 1], atol=1e-6)
    assert np.isnan(shown.voxels[:9]).all() and np.isfinite(shown.voxels[9:, :22]).all()


@pytest.mark.parametrize("card", encoder_cards("volumes"), ids=lambda card: card.name)
def test_a_network_with_a_window_is_not_shown_a_stamp(card: EncoderCard) -> None:
    """The crop around a gland with 10 mm of margin is some 70 mm: the rest of a window would be zeros."""
    contract = card.contract
    if contract is not None and contract.size[0] is not None and contract.spacing_mm[0] is not None:
        window_mm = contract.size[0] * contract.spacing_mm[0]
        assert 0.6 * window_mm < contract.least_extent_mm <= window_mm


def test_a_contract_that_fixes_a_grid_names_the_feature_set_and_one_in_words_does_not() -> None:
    card = find_encoder("prostate_zones")
    assert card.contract is not None and card.identity()["contract"]["spacing_mm"] == [0.625, 0.625, None]
    in_words = card.model_copy(update={"contract": InputContract(intensity="raw")})
    assert "contract" not in in_words.identity()


def test_every_network_for_volumes_says_what_it_must_be_shown() -> None:
    def networks() -> list[EncoderCard]:
        return [card for card in encoder_cards("volumes") if card.weights_needed]

    # a segmenter fitted here has it in the record of its fit
    assert [card.name for card in networks() if card.contract is None] == ["segmenter"]


def test_the_list_of_encoders_says_what_each_is_shown() -> None:
    lines = encoder_table(None)
    (cinema,) = [line for line in lines if line.startswith("cinema_sax is shown: ")]
    assert "cine or sax or cine_sax, channels one frame of a short-axis cine; 1 x 1 x 10 mm" in cinema
    assert "192 x 192 x any voxels around lv_cavity" in cinema and "needs a mask of the lv_cavity" in cinema
    (plain,) = [line for line in lines if line.startswith("medicalnet_r10 is shown: ")]
    assert "any series, channels one; the grid of the study; intensity standardised" in plain
