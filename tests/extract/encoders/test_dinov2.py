"""DINOv2 on slices with small random weights: what it is shown, where its tokens lie, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from extract.encoders.card import EncoderCard
from extract.encoders.dinov2 import PERCENTILES, Dinov2Slices, image_size, patch_centres, scale, to_images
from extract.encoders.networks import NORMALISATIONS, computed_with
from extract.encoders.registry import find_encoder, find_weights, load_encoder
from extract.encoders.weights import WeightsSource
from extract.volumes.volume import SeriesOnGrid
from feature_cache.errors import RecipeError, SourceError
from tests.extract.encoders.small_models import edit_config, save_dinov2, torch

#: 84 x 70 px images of slices of 42 x 35 mm: a patch is 7 mm.
AFFINE = np.array([[-0.5, 0, 0, 20.0], [0, -0.7, 0, 30], [0, 0, 3, -9], [0, 0, 0, 1]])
SHAPE = (70, 60, 5)


def _card(side_px: int = 84) -> EncoderCard:
    card = find_encoder("dinov2_s", "volumes")
    smaller = {"architecture": {**card.architecture, "hidden_size": 16}}
    return card.model_copy(update={"dim": 16, "input_px": side_px, **smaller})


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> WeightsSource:
    root = tmp_path_factory.mktemp("weights")
    (root / "facebook--dinov2-small").mkdir()
    save_dinov2(root / "facebook--dinov2-small")
    return WeightsSource(root=root)


@pytest.fixture(scope="module")
def encoder(weights: WeightsSource) -> Dinov2Slices:
    loaded: Dinov2Slices = load_encoder(_card(), weights.find(_card()))
    return loaded


def _voxels() -> np.ndarray:
    return np.random.default_rng(0).gamma(2, 100, size=SHAPE).astype(np.float32)


def _series(voxels: np.ndarray, affine: np.ndarray = AFFINE) -> SeriesOnGrid:
    return SeriesOnGrid(sequence="t2w", voxels=voxels.astype(np.float32), affine=affine, spacing_known=True)


def test_tokens_are_those_of_the_network_on_the_images_as_described(
    encoder: Dinov2Slices, weights: WeightsSource
) -> None:
    """By hand, for the middle and both end slices: percentiles, neighbours, stretching, ImageNet, patches."""
    from extract.encoders.from_transformers import import_transformers

    voxels = _voxels()
    low, high = np.percentile(voxels, PERCENTILES)
    slices = torch.from_numpy(np.clip((voxels.transpose(2, 1, 0) - low) / (high - low), 0, 1).astype("f4"))
    mean, deviation = (torch.tensor(values).view(3, 1, 1) for values in NORMALISATIONS["imagenet"])
    folder = weights.find(_card()).folder
    network = import_transformers().Dinov2Model.from_pretrained(folder).eval()
    encoded = encoder.encode(_series(voxels), {})
    tokens = encoded.embeddings.reshape(5, 6 * 5, 16)
    for middle, channels in ((0, (0, 0, 1)), (2, (1, 2, 3)), (4, (3, 4, 4))):
        image = torch.stack([slices[channel] for channel in channels])
        stretched = torch.nn.functional.interpolate(
            image[None], size=(84, 70), mode="bilinear", antialias=True
        )
        with torch.inference_mode():
            expected = network((stretched - mean) / deviation).last_hidden_state[0, 1:]
        np.testing.assert_allclose(tokens[middle], expected.numpy(), atol=2e-5)


@pytest.mark.parametrize(
    ("extent", "size_px"),
    [((42, 35), (84, 70)), ((35, 42), (70, 84)), ((10, 10), (84, 84)), ((9, 100), (14, 84))],
)
def test_slices_keep_their_proportions_up_to_a_patch(
    extent: tuple[float, float], size_px: tuple[int, int]
) -> None:
    assert image_size(np.array(extent, dtype=np.float64), 84, 14) == size_px


@pytest.mark.parametrize(
    ("shape", "size_px"), [((3, 60, 70), (84, 98)), ((2, 20, 30), (28, 42)), ((1, 90, 40), (42, 14))]
)
def test_a_patch_lies_where_its_pixels_come_from(shape: tuple[int, ...], size_px: tuple[int, int]) -> None:
    """On a ramp, the mean of a patch is the voxel at its centre; outer patches lose a little at the edge."""
    mean, deviation = (torch.tensor(values).view(1, 3, 1, 1) for values in NORMALISATIONS["imagenet"])
    centres = patch_centres(shape, size_px, 14)
    for axis in (1, 2):
        ramp = torch.from_numpy(np.indices(shape)[axis].astype(np.float32))
        images = to_images(ramp, torch.arange(len(ramp)), size_px) * deviation + mean
        means = torch.nn.functional.avg_pool2d(images[:, 1:2], 14).flatten().numpy()
        np.testing.assert_allclose(
            centres[:, axis], means, atol=0.04 * shape[axis] / (size_px[axis - 1] // 14)
        )
    np.testing.assert_array_equal(centres[:, 0], np.repeat(np.arange(shape[0]), len(centres) // shape[0]))


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_bright_spot_is_seen_where_it_lies(encoder: Dinov2Slices, mirrored: bool) -> None:
    affine = AFFINE * ([-1, 1, 1, 1] if mirrored else [1, 1, 1, 1])
    voxels = _voxels()
    plain = encoder.encode(_series(voxels, affine), {})
    for place in [(10, 50, 0), (40, 8, 2), (66, 30, 4)]:
        lit = voxels.copy()
        lit[place[0] - 2 : place[0] + 3, place[1] - 2 : place[1] + 3, place[2]] = voxels.max()
        changed = encoder.encode(_series(lit, affine), {})
        change = np.abs(changed.embeddings - plain.embeddings).sum(axis=1)
        index = np.linalg.solve(affine, np.r_[plain.token_xyz_mm[np.argmax(change)], 1])[:3]
        assert np.all(
            np.abs(index - place) <= [6.5, 5.5, 1]
        )  # half a patch and the spot; a neighbour's channel


def test_a_file_that_lies_mirrored_gives_the_same_tokens_at_the_same_places(encoder: Dinov2Slices) -> None:
    straight = encoder.encode(_series(_voxels()), {})
    affine = AFFINE.copy()
    affine[:3, 3] += affine[:3, :3] @ [SHAPE[0] - 1, 0, SHAPE[2] - 1]
    affine[:3, [0, 2]] *= -1
    mirrored = encoder.encode(_series(_voxels()[::-1, :, ::-1], affine), {})
    np.testing.assert_array_equal(mirrored.embeddings, straight.embeddings)
    np.testing.assert_allclose(mirrored.token_xyz_mm, straight.token_xyz_mm, atol=1e-9)


def test_it_is_the_same_twice_and_regions_are_means_of_their_tokens(encoder: Dinov2Slices) -> None:
    voxels = _voxels()
    voxels[:20] = np.nan
    gland = np.zeros(SHAPE, dtype=bool)
    gland[25:60, 10:50, 1:4] = True
    outside = np.zeros(SHAPE, dtype=bool)
    outside[:15] = True
    first, second = (encoder.encode(_series(voxels), {"gland": gland, "outside": outside}) for _ in range(2))
    for name in ("embeddings", "token_xyz_mm", "regions", "coverage"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert np.isfinite(first.embeddings).all() and len(first.embeddings) < 5 * 30
    index = np.linalg.solve(AFFINE, np.c_[first.token_xyz_mm, np.ones(len(first.embeddings))].T)[:3].T
    inside = gland[tuple(np.floor(np.round(index, 3) + 0.5).astype(int).T)]
    np.testing.assert_allclose(first.regions[0], first.embeddings[inside].mean(axis=0), rtol=1e-4, atol=1e-6)
    assert np.isnan(first.regions[1]).all() and first.coverage[1] == 0 and first.coverage[0] > 0.7
    assert encoder.feature_names == tuple(f"feature_{number}" for number in range(16))
    assert encoder.used == computed_with(_card())


def test_intensities_are_scaled_between_percentiles_of_what_is_seen() -> None:
    voxels = np.r_[np.arange(1001), [np.nan]].astype(np.float32).reshape(1, 1, -1)
    scaled = scale(voxels, "t2w").ravel()
    assert scaled[0] == 0 and scaled[1000] == 1 and scaled[1001] == 0
    np.testing.assert_allclose(scaled[500], 0.5)


@pytest.mark.parametrize(
    ("value", "got"), [(0, "got nearly all of one intensity"), (np.nan, "got none in the field of view")]
)
def test_a_blank_series_is_refused(encoder: Dinov2Slices, value: float, got: str) -> None:
    voxels = np.full(SHAPE, value)
    voxels[0, 0, 0] *= 2
    with pytest.raises(SourceError, match=f"series t2w: expected voxels of many intensities; {got}"):
        encoder.encode(_series(voxels), {})


def test_a_network_that_the_card_does_not_describe_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dinov2_s").mkdir()
    folder = save_dinov2(tmp_path / "dinov2_s")
    card = find_encoder("dinov2_s")
    source = WeightsSource(root=tmp_path)
    with pytest.raises(RecipeError, match=r"config\.json: expected hidden_size 384; got 16"):
        load_encoder(card, source.find(card))
    edit_config(folder, patch_size=16)
    with pytest.raises(RecipeError, match=r"config\.json: expected patch_size 14; got 16"):
        find_weights(_card(), source, None)
    edit_config(folder, model_type="vit")
    with pytest.raises(RecipeError, match="a model of type dinov2; got type vit"):
        find_weights(card, source, None)


@pytest.mark.parametrize("name", ["dinov2_s", "dinov2_b"])
def test_a_card_describes_what_it_promises(name: str) -> None:
    card = find_encoder(name)
    assert card.architecture["hidden_size"] == card.dim
    assert card.input_px is not None and card.input_px % int(str(card.architecture["patch_size"])) == 0


def test_a_real_t2w_around_its_gland(shared_data: Path, encoder: Dinov2Slices) -> None:
    nibabel = pytest.importorskip("nibabel")
    folder = shared_data / "volumes/prostatex"
    image = nibabel.load(folder / "ProstateX-0000/ProstateX-0000_t2w.nii.gz")
    labels = folder / "picai_labels/ProstateX-0000"
    gland = np.asarray(nibabel.load(next(labels.glob("*whole_gland_AI_Bosma22b*"))).dataobj) > 0
    low, high = np.argwhere(gland).min(axis=0) - 4, np.argwhere(gland).max(axis=0) + 5
    box = tuple(slice(max(bounds[0], 0), bounds[1]) for bounds in zip(low, high, strict=True))
    affine = image.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ [side.start for side in box]
    encoded = encoder.encode(_series(np.asarray(image.dataobj)[box], affine), {"gland": gland[box]})
    assert np.isfinite(encoded.embeddings).all() and encoded.coverage[0] > 0.8
    assert np.isfinite(encoded.regions).all()
