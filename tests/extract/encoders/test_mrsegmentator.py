"""MRSegmentator with a small plan and random weights: numbers by modules, geometry, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from extract.encoders.mrsegmentator import MAX_VOXELS, Mrsegmentator
from extract.encoders.nnunet_encoder import NnunetPlan, bottom_map, read_plan, shapes_needed
from extract.encoders.registry import find_encoder, find_weights, load_encoder
from extract.encoders.weights import WeightsSource
from extract.volumes.volume import SeriesOnGrid
from feature_cache.errors import RecipeError, SourceError
from tests.extract.encoders.vit_oracle import random_state, torch

CARD = find_encoder("mrsegmentator", "volumes")
SMALL = CARD.model_copy(update={"dim": 8})
PLAN = NnunetPlan(
    spacing=(3.0, 1.5, 1.5),
    features=(4, 6, 8),
    kernels=((1, 3, 3), (3, 3, 3), (3, 3, 3)),
    strides=((1, 1, 1), (1, 2, 2), (2, 2, 2)),
    convolutions=(2, 2, 1),
)
AFFINE = np.array([[-1.5, 0, 0, 20.0], [0, -1.5, 0, 12], [0, 0, 3, -9], [0, 0, 0, 1]])
OLD = {
    "spacing": [3.0, 1.5, 1.5], "n_conv_per_stage_encoder": [2, 2, 1], "UNet_base_num_features": 4,
    "unet_max_num_features": 8, "UNet_class_name": "PlainConvUNet",
    "conv_kernel_sizes": [list(kernel) for kernel in PLAN.kernels],
    "pool_op_kernel_sizes": [list(stride) for stride in PLAN.strides],
}  # fmt: skip
NEW = {
    "spacing": [3.0, 1.5, 1.5],
    "architecture": {
        "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        "arch_kwargs": {
            "features_per_stage": [4, 6, 8], "n_conv_per_stage": [2, 2, 1],
            "kernel_sizes": OLD["conv_kernel_sizes"], "strides": OLD["pool_op_kernel_sizes"],
        },
    },
}  # fmt: skip


def _write_plan(folder: Path, held: dict[str, Any]) -> Path:
    (folder / "plans.json").write_text(json.dumps({"configurations": {"3d_fullres": held}}), "utf-8")
    return folder


def _series(voxels: np.ndarray) -> SeriesOnGrid:
    return SeriesOnGrid(sequence="t2w", voxels=voxels.astype(np.float32), affine=AFFINE, spacing_known=True)


def test_the_bottom_is_that_of_modules() -> None:
    state = random_state(shapes_needed(PLAN))
    layers: list[torch.nn.Module] = []
    channels = 1
    for stage, width in enumerate(PLAN.features):
        for number in range(PLAN.convolutions[stage]):
            name = f"encoder.stages.{stage}.0.convs.{number}"
            stride = PLAN.strides[stage] if number == 0 else 1
            padding = tuple((side - 1) // 2 for side in PLAN.kernels[stage])
            convolution = torch.nn.Conv3d(channels, width, PLAN.kernels[stage], stride, padding)
            norm = torch.nn.InstanceNorm3d(width, eps=1e-5, affine=True)
            for module, part in ((convolution, "conv"), (norm, "norm")):
                module.load_state_dict({of: state[f"{name}.{part}.{of}"] for of in ("weight", "bias")})
            layers += [convolution, norm, torch.nn.LeakyReLU(0.01)]
            channels = width
    volume = torch.randn(6, 20, 24, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = torch.nn.Sequential(*layers)(volume[None, None])[0]
        torch.testing.assert_close(bottom_map(state, PLAN, volume), expected, rtol=1e-4, atol=1e-5)
    assert expected.shape == (8, 3, 5, 6) and PLAN.step == (2, 4, 4)


@pytest.mark.parametrize("held", [NEW, {**OLD, "UNet_base_num_features": 4}])
def test_plans_of_both_forms_are_read(tmp_path: Path, held: dict[str, Any]) -> None:
    plan = read_plan(_write_plan(tmp_path, held), "net")
    assert plan.model_copy(update={"features": PLAN.features}) == PLAN
    assert plan.features == ((4, 6, 8) if held is NEW else (4, 8, 8))


def test_a_series_is_encoded_where_it_lies_and_the_same_twice() -> None:
    network = Mrsegmentator(random_state(shapes_needed(PLAN)), PLAN, SMALL)
    voxels = np.random.default_rng(0).gamma(2, 50, size=(40, 32, 8))
    whole = {"crop": np.ones(voxels.shape, dtype=bool)}
    first, second = (network.encode(_series(voxels), whole) for _ in range(2))
    assert first.embeddings.shape == (4 * 8 * 10, 8)
    for name in ("embeddings", "token_xyz_mm", "regions", "coverage"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    for place in [(4, 24, 2), (32, 8, 6)]:
        lit = voxels.copy()
        lit[place] = voxels.max() * 3
        change = np.abs(network.encode(_series(lit), whole).embeddings - first.embeddings).sum(axis=1)
        index = np.linalg.solve(AFFINE, np.r_[first.token_xyz_mm[np.argmax(change)], 1])[:3]
        assert np.all(np.abs(index - place) <= [4, 4, 2])


def test_what_cannot_go_through_at_once_or_is_blank_is_refused() -> None:
    network = Mrsegmentator(random_state(shapes_needed(PLAN)), PLAN, SMALL)
    big = np.broadcast_to(np.float32(1), (512, 512, 33))
    assert big.size > MAX_VOXELS
    with pytest.raises(SourceError, match=r"at most 8,388,608; got 33 x 512 x 512"):
        network.encode(_series(big), {})
    with pytest.raises(SourceError, match="expected more than 2 x 4 x 4 voxels"):
        network.encode(_series(np.random.default_rng(0).random((4, 4, 2))), {})
    with pytest.raises(SourceError, match="got one intensity"):
        network.encode(_series(np.ones((20, 20, 4))), {})


def test_weights_and_plans_of_another_network_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    folder = tmp_path / "mrsegmentator"
    folder.mkdir()
    state = random_state(shapes_needed(PLAN))
    twice = {name.replace(".conv.", ".all_modules.0."): one.clone() for name, one in state.items()}
    twice = {name: one for name, one in twice.items() if "all_modules" in name}
    save_file({**state, **twice, "decoder.seg_layers.0.bias": torch.zeros(3)}, folder / "w.safetensors")
    source = WeightsSource(root=tmp_path)
    with pytest.raises(RecipeError, match=r"plans\.json: expected the plan of a plain U-Net .*; got none"):
        find_weights(SMALL, source, None)
    _write_plan(folder, NEW)
    found = find_weights(SMALL, source, None)
    assert [file.name for file in found.files] == ["plans.json", "w.safetensors"]
    assert isinstance(load_encoder(SMALL, found), Mrsegmentator)
    with pytest.raises(RecipeError, match="expected 320 features at the bottom"):
        find_weights(CARD, source, None)
    residual = {**NEW["architecture"], "network_class_name": "x.ResidualEncoderUNet"}
    _write_plan(folder, {**NEW, "architecture": residual})
    with pytest.raises(RecipeError, match="got another"):
        find_weights(SMALL, source, None)
    wider = {**NEW["architecture"]["arch_kwargs"], "n_conv_per_stage": [2, 3, 1]}
    _write_plan(folder, {**NEW, "architecture": {**NEW["architecture"], "arch_kwargs": wider}})
    with pytest.raises(RecipeError, match=r"4 missing \(encoder\.stages\.1\.0\.convs\.2"):
        find_weights(SMALL, source, None)
