"""A fitted segmenter as an encoder: what it says, where, and which cohorts it is kept from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from extract.encoders.registry import find_encoder, find_weights, load_encoder  # noqa: E402
from extract.encoders.segmenter import SegmenterBottom  # noqa: E402
from extract.encoders.weights import WeightsSource  # noqa: E402
from extract.segment.networks.build import build_network  # noqa: E402
from extract.volumes.stage import VolumeStage  # noqa: E402
from extract.volumes.volume import SeriesOnGrid  # noqa: E402
from feature_cache.canonical import sha256_of_file  # noqa: E402
from feature_cache.entry import EntryDraft  # noqa: E402
from feature_cache.errors import RecipeError, SourceError  # noqa: E402
from feature_cache.tables import CaseRow  # noqa: E402
from tests.extract.segment.fit_folders import SETTINGS, write_fit  # noqa: E402
from tests.extract.volumes.studies import PROSTATE, cohort_of, series, write_study  # noqa: E402

CARD = find_encoder("segmenter", "volumes")
AFFINE = np.array([[-1.0, 0, 0, 90], [0, -1, 0, 80], [0, 0, 3, -30], [0, 0, 0, 1]])
BLOCK = {"encoder": "segmenter", "sequences": ["t2w"]}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for --weights with a fit in it."""
    root = tmp_path_factory.mktemp("weights")
    write_fit(root / "segmenter")
    return root


def _load(root: Path) -> SegmenterBottom:
    encoder: SegmenterBottom = load_encoder(CARD, find_weights(CARD, WeightsSource(root=root), None))
    return encoder


def _series(shape: tuple[int, int, int] = (32, 32, 3), affine: np.ndarray = AFFINE) -> SeriesOnGrid:
    voxels = np.random.default_rng(0).normal(300, 50, shape).astype(np.float32)
    return SeriesOnGrid(sequence="t2w", voxels=voxels, affine=affine, spacing_known=True)


def test_the_tokens_are_those_of_the_first_network(weights: Path) -> None:
    one = _series()
    encoded = _load(weights).encode(one, {"all": np.ones(one.voxels.shape, dtype=bool)})
    low, high = np.percentile(one.voxels, [0.5, 99.5])
    shown = np.clip(one.voxels, low, high)
    shown = ((shown - shown.mean()) / shown.std()).transpose(2, 1, 0)  # LPS: rows to the back, columns left
    network = build_network("daeformer", 1, 2, SETTINGS, seed=0).eval()
    with torch.no_grad():
        maps = network.features(torch.from_numpy(shown[:, None].astype(np.float32)))
    expected = maps.permute(0, 2, 3, 1).reshape(-1, 16).numpy()
    np.testing.assert_allclose(encoded.embeddings, expected, atol=2e-3)
    np.testing.assert_allclose(encoded.regions[0], expected.mean(axis=0), atol=2e-3)
    first, last = encoded.token_xyz_mm[0], encoded.token_xyz_mm[-1]
    np.testing.assert_allclose(first, [90 - 7.5, 80 - 7.5, -30])
    np.testing.assert_allclose(last, [90 - 23.5, 80 - 23.5, -24])
    assert encoded.shown is not None and encoded.shown["window_px"] == 32
    assert encoded.shown["resampled_from_mm"] is None and encoded.shown["air_px"] == [0, 0]


def test_the_same_bits_twice(weights: Path) -> None:
    first, second = (_load(weights).encode(_series(), {}) for _ in range(2))
    assert first.embeddings.tobytes() == second.embeddings.tobytes()


def test_other_pixels_are_resampled_and_said_and_tokens_stay_in_the_patient(weights: Path) -> None:
    half = AFFINE @ np.diag([0.5, 0.5, 1, 1])
    encoded = _load(weights).encode(_series((128, 128, 2), half), {})
    assert encoded.shown is not None
    assert encoded.shown["resampled_from_mm"] == [0.5, 0.5] and encoded.shown["inplane_mm"] == [1, 1]
    low, high = encoded.token_xyz_mm.min(axis=0), encoded.token_xyz_mm.max(axis=0)
    middle = (half @ [63.5, 63.5, 0.5, 1])[:3]
    np.testing.assert_allclose((low + high) / 2, middle, atol=1.0)
    assert (high - low)[0] == pytest.approx(48, abs=2)  # 64 mm less half a token of 16 mm on both sides


def test_a_small_crop_stands_in_air_and_tokens_of_air_are_left_out(weights: Path) -> None:
    encoded = _load(weights).encode(_series((16, 24, 2)), {})
    assert encoded.shown is not None and encoded.shown["air_px"] == [8, 16]
    index = (np.linalg.inv(AFFINE) @ np.c_[encoded.token_xyz_mm, np.ones(len(encoded.token_xyz_mm))].T)[:3]
    assert len(encoded.embeddings) > 0
    assert index.min() >= -0.5 and (index.max(axis=1) < [15.5, 23.5, 1.5]).all()


def test_tokens_outside_the_field_of_view_are_left_out(weights: Path) -> None:
    one = _series((64, 32, 2))
    one.voxels[32:] = np.nan
    encoded = _load(weights).encode(one, {})
    assert encoded.token_xyz_mm[:, 0].min() > 90 - 32
    assert np.isfinite(encoded.embeddings).all() and len(encoded.embeddings) < 2 * 2 * 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sequence": "adc"}, "a series of t2w, which it was trained on; got adc"),
        ({"spacing_known": False}, "expected a known spacing"),
        ({"voxels": np.full((32, 32, 3), 7, dtype=np.float32)}, "a series with contrast"),
    ],
)
def test_what_it_was_not_fitted_for_is_refused(
    weights: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        _load(weights).encode(replace(_series(), **changes), {})


def _entry(weights: Path, root: Path, **card: object) -> EntryDraft:
    cohort, stage = cohort_of([series("t2w")], [PROSTATE], **card), VolumeStage()
    resolved = stage.resolve("bottom", BLOCK, cohort, WeightsSource(root=weights))
    (item,) = stage.items(cohort, root, resolved)
    return stage.build(item, stage.sources(item, sha256_of_file))


def test_the_entry_says_who_taught_it(weights: Path, tmp_path: Path) -> None:
    draft = _entry(weights, write_study(tmp_path / "study"))
    said = draft.used["segmenter"]
    assert isinstance(said, dict) and said["training_case_ids"] == ["a", "b", "c", "d"]
    assert (said["cohort"], said["model"]) == ("theirs", "repeat1_fold1")
    assert draft.arrays["embeddings"].shape[1] == 16 and draft.arrays["embeddings"].dtype == np.float16
    assert set(draft.used["weights"]) == {  # type: ignore[arg-type]
        "segmenter.yaml", "repeat1_fold1.safetensors", "repeat1_fold2.safetensors"
    }  # fmt: skip


def test_its_own_cohort_is_refused(weights: Path) -> None:
    own = cohort_of([series("t2w")], name="theirs")
    with pytest.raises(RecipeError, match=r"got its own cohort theirs\. Use its masks out of fold"):
        VolumeStage().resolve("bottom", BLOCK, own, WeightsSource(root=weights))


def test_a_cohort_with_one_of_its_cases_is_refused_also_where_a_network_has_not_seen_it(
    weights: Path,
) -> None:
    cohort = cohort_of([series("t2w")])
    cohort = replace(cohort, cases=(*cohort.cases, CaseRow(case_id="a")))
    with pytest.raises(RecipeError, match="cohort mine, with 1 of its training cases, a the first"):
        VolumeStage().resolve("bottom", BLOCK, cohort, WeightsSource(root=weights))


def test_another_fit_is_another_feature_set(weights: Path, tmp_path: Path) -> None:
    write_fit(tmp_path / "segmenter", models=1)
    cohort = cohort_of([series("t2w")])
    hashes = {
        VolumeStage().resolve("bottom", BLOCK, cohort, WeightsSource(root=root)).recipe.hash
        for root in (weights, tmp_path)
    }
    assert len(hashes) == 2


def test_a_fit_that_was_not_finished_is_refused(tmp_path: Path) -> None:
    write_fit(tmp_path / "segmenter", models=1)
    (tmp_path / "segmenter" / "segmenter.yaml").unlink()
    with pytest.raises(RecipeError, match=r"expected a folder with segmenter\.yaml.*not finished"):
        find_weights(CARD, WeightsSource(root=tmp_path), None)


def test_weights_that_are_not_the_records_are_refused(tmp_path: Path) -> None:
    write_fit(tmp_path / "segmenter", models=2)
    folder = tmp_path / "segmenter"
    (folder / "repeat1_fold2.safetensors").replace(folder / "repeat1_fold1.safetensors")
    with pytest.raises(RecipeError, match="weights that are not the record's"):
        _load(tmp_path)
