"""MedicalNet with random weights of the published form: numbers, geometry, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from extract.encoders.card import EncoderCard
from extract.encoders.medicalnet import MAX_VOXELS, MedicalNet, standardise
from extract.encoders.medicalnet_network import STRIDE, Depth, feature_map, names_needed
from extract.encoders.registry import find_encoder, find_weights, load_encoder
from extract.encoders.weights import WeightsSource
from extract.volumes.volume import SeriesOnGrid
from feature_cache.errors import RecipeError, SourceError
from tests.extract.encoders.medicalnet_oracle import BLOCKS, random_oracle, torch

AFFINE = np.array([[-0.5, 0, 0, 90.0], [0, -0.5, 0, 80], [0, 0, 3, -30], [0, 0, 0, 1]])


def _depth(depth: int) -> Depth:
    return Depth(blocks=BLOCKS[depth], bottleneck=depth >= 50)


def _series(voxels: np.ndarray, affine: np.ndarray = AFFINE) -> SeriesOnGrid:
    return SeriesOnGrid(sequence="t2w", voxels=voxels.astype(np.float32), affine=affine, spacing_known=True)


def _tiny_card(depth: int, width: int) -> EncoderCard:
    card = find_encoder(f"medicalnet_r{depth}", "volumes")
    return card.model_copy(update={"dim": width * 8 * (4 if depth >= 50 else 1)})


def _saved(tmp_path: Path, depth: int, width: int) -> Path:
    """A checkpoint as the published ones are: under `state_dict`, every name with `module.`, and a head."""
    folder = tmp_path / f"medicalnet_r{depth}"
    folder.mkdir()
    state = {f"module.{name}": tensor for name, tensor in random_oracle(depth, width).state_dict().items()}
    state["module.conv_seg.0.weight"] = torch.zeros(3)
    torch.save({"state_dict": state}, folder / f"resnet_{depth}_23dataset.pth")
    return tmp_path


def _loaded(tmp_path: Path, depth: int = 10, width: int = 2) -> MedicalNet:
    card = _tiny_card(depth, width)
    weights = WeightsSource(root=_saved(tmp_path, depth, width)).find(card)
    encoder: MedicalNet = load_encoder(card, weights)
    return encoder


def _pass_through() -> MedicalNet:
    """A network of width 1 whose kernels pass the centre voxel on: what is lit tells where a token looks."""
    state = random_oracle(10, 1).state_dict()
    for name, tensor in state.items():
        if tensor.ndim == 5:
            tensor.zero_()
            tensor[(slice(None), slice(None), *(size // 2 for size in tensor.shape[2:]))] = 1
        else:
            tensor.fill_(1 if name.endswith(("var", "weight")) else 0)
    return MedicalNet(state, _depth(10), _tiny_card(10, 1))


@pytest.mark.parametrize("depth", [10, 50])
@pytest.mark.parametrize("shape", [(9, 33, 40), (1, 24, 17)])
def test_the_feature_map_is_that_of_the_network_as_modules(depth: int, shape: tuple[int, ...]) -> None:
    network = random_oracle(depth, 4)
    volume = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = network(volume)
        features = feature_map(network.state_dict(), _depth(depth), volume)
    assert features.shape[1:] == tuple(-(-size // STRIDE) for size in shape)
    assert float(expected.std()) > 0.05
    torch.testing.assert_close(features, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("depth", [10, 50])
def test_the_names_are_those_of_the_checkpoint(depth: int) -> None:
    names = {name for name in random_oracle(depth, 1).state_dict() if "num_batches" not in name}
    assert names_needed(_depth(depth)) == names


@pytest.mark.parametrize("voxel", [(0, 0, 0), (24, 8, 16), (16, 32, 8)])
@pytest.mark.parametrize("mirror", [1, -1])
def test_a_token_lies_where_it_looks(voxel: tuple[int, int, int], mirror: int) -> None:
    """One bright voxel, one dark: the token that lights up has its centre in the bright one, in RAS mm."""
    voxels = np.zeros((25, 33, 17))
    voxels[8, 8, 8], voxels[voxel] = 1, 3
    affine = AFFINE * [mirror, 1, 1, 1]
    encoded = _pass_through().encode(_series(voxels, affine), {})
    assert encoded.token_xyz_mm.shape == (4 * 5 * 3, 3)
    lit = np.flatnonzero(encoded.embeddings[:, 0] > 0.5)
    np.testing.assert_allclose(encoded.token_xyz_mm[lit], [affine[:3] @ [*voxel, 1]])


def test_tokens_of_a_shifted_series_are_shifted() -> None:
    """8 voxels are one token; 14 tokens from either end a feature sees the whole of its surroundings."""
    state, volume = random_oracle(10, 2).state_dict(), torch.randn(320, 1, 1)
    with torch.inference_mode():
        whole = feature_map(state, _depth(10), volume)[:, :, 0, 0]
        later = feature_map(state, _depth(10), volume[STRIDE:])[:, :, 0, 0]
    torch.testing.assert_close(later[:, 14:25], whole[:, 15:26], rtol=1e-5, atol=1e-6)
    assert not torch.allclose(later[:, 14:25], whole[:, 14:25], rtol=1e-2)


def test_a_published_checkpoint_loads_and_encodes_the_same_twice(tmp_path: Path) -> None:
    encoder = _loaded(tmp_path)
    voxels = np.random.default_rng(0).gamma(2, 50, size=(48, 40, 19))
    voxels[:, :8] = np.nan
    gland = np.zeros(voxels.shape, dtype=bool)
    gland[10:30, 15:35, 4:14] = True
    nowhere = np.zeros(voxels.shape, dtype=bool)
    nowhere[1:3, 12:15, 1:3] = True
    regions = {"gland": gland, "between": nowhere, "crop": np.ones(voxels.shape, dtype=bool)}
    first, second = (encoder.encode(_series(voxels), regions) for _ in range(2))
    assert encoder.feature_names == tuple(f"feature_{number}" for number in range(16))
    assert np.isfinite(first.embeddings).all()
    assert len(first.embeddings) < 6 * 5 * 3  # those outside the field of view are left out
    index = np.linalg.solve(AFFINE, np.c_[first.token_xyz_mm, np.ones(len(first.embeddings))].T)[:3].T
    inside = gland[tuple(np.rint(index).astype(int).T)]
    np.testing.assert_allclose(first.regions[0], first.embeddings[inside].mean(axis=0), rtol=1e-5)
    assert np.isnan(first.regions[1]).all() and first.coverage[1] == 0
    for name in ("embeddings", "token_xyz_mm", "regions", "coverage"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_intensities_are_standardised_over_what_is_not_0() -> None:
    voxels = np.array([[[0, 2, 4, np.nan, 6]]], dtype=np.float32)
    expected = np.array([[[0, -1, 0, 0, 1]]]) * np.sqrt(1.5)
    np.testing.assert_allclose(standardise(voxels, "adc"), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("value", "got"),
    [(0, "got none but 0"), (7, "got one intensity"), (np.nan, "got none but 0 or outside the field")],
)
def test_a_blank_series_is_refused(value: float, got: str) -> None:
    with pytest.raises(SourceError, match=rf"series t2w: expected voxels of more than one.*{got}"):
        _pass_through().encode(_series(np.full((9, 9, 9), value)), {})


def test_a_series_too_large_to_hold_is_refused() -> None:
    voxels = np.broadcast_to(np.float32(1), (1024, 1024, 33))
    assert voxels.size > MAX_VOXELS
    series = SeriesOnGrid(sequence="t2w", voxels=voxels, affine=AFFINE, spacing_known=True)
    with pytest.raises(SourceError, match=r"got 34,603,008 \(1024 x 1024 x 33\)\. Give the recipe a margin"):
        _pass_through().encode(series, {})


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    weights = WeightsSource(root=_saved(tmp_path, 10, 2)).find(find_encoder("medicalnet_r10"))
    with pytest.raises(RecipeError, match=r"expected the 60 tensors .* 512 features; got 16 features"):
        load_encoder(find_encoder("medicalnet_r10"), weights)
    with pytest.raises(RecipeError, match=r"got no layer1\.0\.bn3\.bias \(\d+ missing\)"):
        load_encoder(find_encoder("medicalnet_r50"), weights)


def test_a_header_tells_another_network_before_a_run(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    card = _tiny_card(10, 2)
    find_weights(card, WeightsSource(root=_saved(tmp_path, 10, 2)), None)  # pickled: nothing to look at
    folder = tmp_path / "medicalnet_r10"
    (folder / "resnet_10_23dataset.pth").unlink()
    state = random_oracle(10, 2).state_dict()
    save_file({f"module.{name}": tensor for name, tensor in state.items()}, folder / "r10.safetensors")
    find_weights(card, WeightsSource(root=tmp_path), None)
    with pytest.raises(RecipeError, match=r"expected the 60 tensors .* 512 features; got 16 features"):
        find_weights(find_encoder("medicalnet_r10"), WeightsSource(root=tmp_path), None)


def test_a_real_t2w_around_its_gland(shared_data: Path, tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    folder = shared_data / "volumes/prostatex"
    image = nibabel.load(folder / "ProstateX-0000/ProstateX-0000_t2w.nii.gz")
    labels = folder / "picai_labels/ProstateX-0000"
    gland = np.asarray(nibabel.load(next(labels.glob("*whole_gland_AI_Bosma22b*"))).dataobj) > 0
    low, high = np.argwhere(gland).min(axis=0), np.argwhere(gland).max(axis=0) + 1
    box = tuple(slice(*bounds) for bounds in zip(low, high, strict=True))
    affine = image.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ low
    voxels = np.asarray(image.dataobj, dtype=np.float32)[box]
    encoded = _loaded(tmp_path).encode(_series(voxels, affine), {"gland": gland[box]})
    assert len(encoded.embeddings) == np.prod([-(-size // STRIDE) for size in voxels.shape])
    assert np.isfinite(encoded.regions).all() and encoded.coverage[0] > 0.5
    centre_mm = affine[:3] @ [*(np.array(voxels.shape) / 2), 1]
    assert np.linalg.norm(encoded.token_xyz_mm.mean(axis=0) - centre_mm) < 15
