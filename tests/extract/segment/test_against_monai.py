"""MONAI as a source of networks and as an oracle of losses and scores.

One file, and no import before a test runs: it takes five seconds, in every process that collects.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from extract.segment.losses import segmentation_loss  # noqa: E402
from extract.segment.networks.build import build_network  # noqa: E402
from extract.segment.networks.network import SegmentationNetwork  # noqa: E402
from extract.segment.networks.settings import NetworkSettings  # noqa: E402
from extract.segment.scores import score_case, score_structure  # noqa: E402

pytestmark = pytest.mark.skipif(find_spec("monai") is None, reason="monai (extra segment) is not installed")
SMALL = {
    "unet": NetworkSettings(widths=(4, 8, 16)),
    "segresnet": NetworkSettings(widths=(8,)),
    "swinunetr": NetworkSettings(widths=(12,)),
}
STRIDES = {"unet": 4, "segresnet": 8, "swinunetr": 32}
DIMS = {"unet": 16, "segresnet": 64, "swinunetr": 192}
STRUCTURES = {1: "rv", 2: "myo", 3: "lv"}
SPACING = (1.25, 1.25, 8.0)


def _small(name: str, seed: int = 0) -> SegmentationNetwork:
    return build_network(name, 2, 3, SMALL[name], seed)


def _images(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", SMALL)
def test_any_size_goes_in_and_features_come_from_the_bottom(name: str) -> None:
    network = _small(name)
    stride, dim = STRIDES[name], DIMS[name]
    assert (network.stride, network.dim) == (stride, dim)
    for size in [(64, 64), (70, 33), (9, 9)]:
        with torch.no_grad():
            assert network(_images(1, 2, *size)).shape == (1, 3, *size)
            features = network.features(_images(1, 2, *size))
        assert features.shape == (1, dim, -(-size[0] // stride), -(-size[1] // stride))


@pytest.mark.parametrize("name", SMALL)
def test_the_bottom_is_what_the_network_itself_passes_through(name: str) -> None:
    """Some module gives exactly these features while the whole network runs, and none gives smaller ones."""
    network, images = _small(name), _images(1, 2, 64, 64)
    passed: list[torch.Tensor] = []
    for module in network.modules():
        module.register_forward_hook(lambda module, given, gave: passed.append(gave))
    with torch.no_grad():
        network(images)
        during = [gave for gave in passed if torch.is_tensor(gave) and gave.dim() == 4]
        features = network.features(images)
    assert any(each.shape == features.shape and torch.equal(each, features) for each in during)
    assert features.shape[2:] == (64 // STRIDES[name], 64 // STRIDES[name])


@pytest.mark.parametrize("name", SMALL)
def test_networks_learn_on_the_smallest_slices_and_by_their_seed(name: str) -> None:
    network = _small(name)
    network(_images(1, 2, 8, 8)).square().mean().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    first, again, other = (_small(name, seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not all(torch.equal(first[key], other[key]) for key in first)


def test_the_unet_is_monais() -> None:
    from monai.networks.nets import UNet

    ours = build_network("unet", 1, 4)
    theirs = UNet(2, 1, 4, (16, 32, 64, 128, 256), (2, 2, 2, 2), num_res_units=2)
    theirs.load_state_dict({k.removeprefix("body.network."): v for k, v in ours.state_dict().items()})
    images = _images(1, 1, 64, 64)
    with torch.no_grad():
        assert torch.equal(ours(images), theirs(images))


def test_the_loss_is_monais_with_the_shares_of_dae_former() -> None:
    from monai.losses import DiceCELoss

    source = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 4, 9, 7, generator=source, dtype=torch.float64)
    labels = torch.randint(0, 3, (3, 9, 7), generator=source)  # the last class is nowhere
    theirs = DiceCELoss(
        softmax=True, to_onehot_y=True, squared_pred=True, batch=True, smooth_nr=1e-5, smooth_dr=1e-5,
        lambda_ce=0.4, lambda_dice=0.6,
    )  # fmt: skip
    expected = float(theirs(logits, labels[:, None]))
    assert float(segmentation_loss(logits, labels)) == pytest.approx(expected, abs=1e-7)


def _balls(seed: int) -> np.ndarray[Any, Any]:
    """Three balls of labels at random places."""
    shape = (24, 20, 6)
    chance = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    labels = np.zeros(shape, dtype=np.uint8)
    for label in STRUCTURES:
        centre = chance.uniform(0.3, 0.7, 3) * shape
        labels[(((grid - centre) / (6, 5, 2)) ** 2).sum(axis=-1) < 1] = label
    return labels


#: MONAI's own call of its own function.
OF_MONAI = "ignore:.*always_return_as_numpy:FutureWarning"


@pytest.mark.filterwarnings(OF_MONAI)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("spacing", [SPACING, None])
def test_dice_and_hd95_are_monais(seed: int, spacing: tuple[float, float, float] | None) -> None:
    from monai.metrics import compute_dice, compute_hausdorff_distance

    predicted, drawn = _balls(seed), _balls(seed + 100)
    scores = score_case(predicted, drawn, STRUCTURES, spacing)
    masks = [
        torch.from_numpy(np.stack([labels == label for label in (0, *STRUCTURES)])[None])
        for labels in (predicted, drawn)
    ]
    dice = compute_dice(*masks, include_background=False)[0]
    distance = compute_hausdorff_distance(*masks, percentile=95, spacing=spacing or 1.0)[0]
    assert [score.dice for score in scores] == pytest.approx(dice.tolist(), abs=1e-6)
    ours = [score.hd95_voxels if spacing is None else score.hd95_mm for score in scores]
    assert ours == pytest.approx(distance.tolist(), abs=1e-5)


@pytest.mark.filterwarnings(OF_MONAI)
def test_a_slice_has_contours_as_monai_draws_them() -> None:
    from monai.metrics import compute_hausdorff_distance

    predicted, drawn = (_balls(seed)[:, :, 3:4] == 1 for seed in (1, 101))
    masks = [torch.from_numpy(mask[None, None, :, :, 0]) for mask in (predicted, drawn)]
    theirs = compute_hausdorff_distance(*masks, include_background=True, percentile=95, spacing=(1.25, 1.25))
    ours = score_structure("rv", predicted, drawn, SPACING).hd95_mm
    assert ours == pytest.approx(float(theirs), abs=1e-5)
