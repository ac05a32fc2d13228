"""The zone network: its form, its place in the patient, refusals; with its real weights on real T2W."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from extract.encoders.prostate_zones import LABELS, ProstateZones, mirrored_mean
from extract.encoders.prostate_zones_network import bottom_map, shapes_needed, zone_logits
from extract.encoders.registry import find_encoder, find_weights, load_encoder
from extract.encoders.weights import WeightsSource
from extract.segment.segmenter import Segmenter
from extract.volumes.volume import SeriesOnGrid
from feature_cache.errors import RecipeError, SourceError
from tests.extract.encoders.small_models import torch

CARD = find_encoder("prostate_zones", "volumes")
AFFINE = np.array([[-0.7, 0, 0, 90.0], [0, -0.7, 0, 80], [0, 0, 3, -30], [0, 0, 0, 1]])
SHAPE = (176, 180, 1)


def _state() -> dict[str, torch.Tensor]:
    """Random kernels of even strength, so that what goes in is seen in what comes out."""
    generator = torch.Generator().manual_seed(0)
    state = {}
    for name, shape in shapes_needed().items():
        if name.endswith(("var", "weight")) and len(shape) < 4:
            state[name] = torch.ones(shape)
        else:
            spread = (2 / np.prod(shape[1:])) ** 0.5 if len(shape) == 4 else 0.0
            state[name] = torch.randn(shape, generator=generator) * spread
    return state


@pytest.fixture(scope="module")
def network() -> ProstateZones:
    return ProstateZones(_state(), CARD)


def _series(voxels: np.ndarray, affine: np.ndarray = AFFINE) -> SeriesOnGrid:
    return SeriesOnGrid(sequence="t2w", voxels=voxels.astype(np.float32), affine=affine, spacing_known=True)


def _voxels() -> np.ndarray:
    coarse = np.random.default_rng(0).gamma(2, 100, size=(22, 18, 1))
    return np.kron(coarse, np.ones((8, 10, 1))).astype(np.float32)


def test_the_checkpoint_has_as_many_values_as_its_makers_say() -> None:
    trainable = [
        shape
        for name, shape in shapes_needed().items()
        if name.endswith(("weight", "bias")) and "running" not in name
    ]
    assert sum(int(np.prod(shape)) for shape in trainable) == 839_523


def test_the_network_is_a_unet_by_modules() -> None:
    """The same numbers from torch.nn modules under the names of the checkpoint."""
    from torch import nn

    def block(channels_in: int, channels_out: int) -> nn.Module:
        inner = nn.Sequential(
            nn.Conv2d(channels_in, channels_out, 3, padding=1), nn.BatchNorm2d(channels_out), nn.ReLU(),
            nn.Conv2d(channels_out, channels_out, 3, padding=1), nn.BatchNorm2d(channels_out), nn.ReLU(),
        )  # fmt: skip
        return nn.ModuleDict({"conv": inner})

    sizes = [(1, 16), (16, 32), (32, 64), (64, 128), (128, 128), (256, 64), (128, 32), (64, 16), (32, 16)]
    names = ["inc", "down1", "down2", "down3", "down4", "up1", "up2", "up3", "up4"]
    blocks = {name: block(*size) for name, size in zip(names, sizes, strict=True)}
    holder = nn.ModuleDict()
    for name, one in blocks.items():
        inside = nn.ModuleDict({"1": one}) if name.startswith("down") else one
        holder[name] = nn.ModuleDict({"mpconv" if name.startswith("down") else "conv": inside})
    holder["outc"] = nn.ModuleDict({"conv": nn.Conv2d(16, 3, 1)})
    state, images = _state(), torch.rand(2, 1, 32, 48)
    assert {name: tuple(t.shape) for name, t in holder.state_dict().items()} == shapes_needed()
    holder.load_state_dict({n: t.long() if n.endswith("tracked") else t for n, t in state.items()})
    holder.eval()
    double = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
    with torch.inference_mode():
        maps = [blocks["inc"]["conv"](images)]
        for name in names[1:5]:
            maps.append(blocks[name]["conv"](nn.functional.max_pool2d(maps[-1], 2)))
        x = maps[-1]
        for name, skip in zip(names[5:], maps[-2::-1], strict=True):
            x = blocks[name]["conv"](torch.cat([skip, double(x)], dim=1))
        expected = holder["outc"]["conv"](x)
        torch.testing.assert_close(zone_logits(state, images), expected, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(bottom_map(state, images), maps[-1], rtol=1e-4, atol=1e-5)
    assert float(expected.std()) > 1e-3


def test_it_is_a_segmenter_and_encodes_the_same_twice(network: ProstateZones) -> None:
    segmenter: Segmenter = network
    assert segmenter.labels == LABELS and segmenter.training_case_ids is None
    gland = np.zeros(SHAPE, dtype=bool)
    gland[70:110, 70:110] = True
    first, second = (network.encode(_series(_voxels()), {"gland": gland}) for _ in range(2))
    assert first.embeddings.shape[1] == 128 and len(first.embeddings) <= 18 * 18
    assert first.shown is not None and first.shown["resampled_from_mm"] == [0.7, 0.7, 3.0]
    for name in ("embeddings", "token_xyz_mm", "regions", "coverage"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    labels = network.segment(_series(_voxels()))
    assert labels.shape == SHAPE and labels.dtype == np.uint8 and set(np.unique(labels)) <= {0, 1, 2}


def test_a_bright_spot_changes_the_token_that_lies_there(network: ProstateZones) -> None:
    voxels = _voxels()
    plain = network.encode(_series(voxels), {})
    for place in [(60, 120, 0), (130, 50, 0)]:
        lit = voxels.copy()
        lit[place[0] - 3 : place[0] + 4, place[1] - 3 : place[1] + 4, place[2]] = voxels.max()
        change = np.abs(network.encode(_series(lit), {}).embeddings - plain.embeddings).sum(axis=1)
        index = np.linalg.solve(AFFINE, np.r_[plain.token_xyz_mm[np.argmax(change)], 1])[:3]
        assert np.all(np.abs(index - place) <= [12, 12, 0.01])  # half a token of 10 mm, and the spot


def test_a_mirrored_slice_gives_what_it_gave_mirrored() -> None:
    """Whatever the network makes of up and down, left and right: here it sums from one corner on."""

    def lopsided(slices: torch.Tensor) -> torch.Tensor:
        return slices.cumsum(2).cumsum(3)[:, :, 15::16, 15::16]

    slices = torch.rand(2, 1, 48, 64, generator=torch.Generator().manual_seed(0))
    plain = mirrored_mean(lopsided, slices)
    assert not torch.allclose(lopsided(slices.flip(3)).flip(3), lopsided(slices), rtol=0.1)
    for axes in [(2,), (3,), (2, 3)]:
        torch.testing.assert_close(mirrored_mean(lopsided, slices.flip(axes)).flip(axes), plain)


def test_a_file_that_lies_mirrored_is_labelled_alike(network: ProstateZones) -> None:
    voxels = _voxels()
    flipped = AFFINE @ np.diag([1.0, -1, 1, 1])
    flipped[:3, 3] = (AFFINE @ [0, SHAPE[1] - 1, 0, 1])[:3]
    mirrored = network.segment(_series(np.ascontiguousarray(voxels[:, ::-1]), flipped))
    assert (mirrored[:, ::-1] != network.segment(_series(voxels))).mean() < 1e-3  # ties of rounding


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"spacing_known": False}, "expected a known spacing"),
        ({"sequence": "adc"}, "expected a series of t2w or t2"),
        (
            {"affine": np.diag([0.3, 0.3, 3.0, 1.0])},
            "at least 120 mm along columns and rows; got 52.8 mm",
        ),
    ],
)
def test_a_series_that_it_was_not_made_for_is_refused(
    network: ProstateZones, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(SourceError, match=words):
        network.segment(replace(_series(_voxels()), **changes))


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    state = _state()
    state["outc.conv.weight"] = torch.zeros(4, 16, 1, 1)
    del state["outc.conv.bias"]
    save_file(state, tmp_path / "prostate_seg_unet_16.safetensors")
    source = WeightsSource(root=tmp_path)
    with pytest.raises(RecipeError, match=r"1 missing \(outc\.conv\.bias.*\[4, 16, 1, 1\] instead of \[3"):
        find_weights(CARD, source, None)
    with pytest.raises(RecipeError, match="1 missing"):
        load_encoder(CARD, source.find(CARD))


def test_the_real_weights_find_the_gland_of_a_real_t2w(shared_data: Path) -> None:
    """Three slices through the middle of ProstateX-0001; `tests.published.zones` has the whole cases."""
    nibabel = pytest.importorskip("nibabel")
    folder = shared_data / "volumes/prostatex"
    image = nibabel.load(folder / "ProstateX-0001/ProstateX-0001_t2w.nii.gz")
    drawn = next((folder / "picai_labels/ProstateX-0001").glob("*whole_gland_AI_Bosma22b*"))
    gland = np.asarray(nibabel.load(drawn).dataobj)[:, :, 8:11] > 0
    affine = image.affine.copy()
    affine[:3, 3] += affine[:3, 2] * 8
    source = WeightsSource(root=shared_data / "weights")
    network = load_encoder(CARD, find_weights(CARD, source, None))
    voxels = np.asarray(image.dataobj, dtype=np.float32)[:, :, 8:11]
    found = network.segment(_series(np.ascontiguousarray(voxels), affine)) > 0
    assert 2 * (found & gland).sum() / (found.sum() + gland.sum()) > 0.8
