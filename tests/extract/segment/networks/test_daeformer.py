"""The DAE-Former: its size as published, free sizes of images, and that all of it learns."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from extract.segment.losses import segmentation_loss  # noqa: E402
from extract.segment.networks.build import build_network  # noqa: E402
from extract.segment.networks.dual_block import DualBlock, MixFeedForward, SkipBlock  # noqa: E402
from extract.segment.networks.network import SegmentationNetwork  # noqa: E402
from extract.segment.networks.settings import NetworkSettings  # noqa: E402

REDUCED = NetworkSettings(widths=(16, 32, 64))


def _reduced(channels: int = 1, classes: int = 3, seed: int = 0) -> SegmentationNetwork:
    return build_network("daeformer", channels, classes, REDUCED, seed)


def _images(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def _parameters(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _never_reached(widths: tuple[int, int, int]) -> int:
    """Count what the authors' code holds and never uses, from the sizes of its layers."""
    norms = {width: 2 * 2 * 4 * width for width in widths}  # two norms of 4 x width in each feed-forward
    fine, middle, coarse = widths
    unused = 2 * norms[fine] * 4 + 2 * norms[middle] * 4  # two in each of 2 + 2 dual blocks, down and up
    unused += 2 * norms[coarse] * 2 + norms[fine] + norms[middle]  # the deepest stage down; both skips
    deepest_block = _parameters(DualBlock(coarse)) + 2 * norms[coarse]
    deepest_skip = _parameters(SkipBlock(coarse)) + norms[coarse]
    linear = coarse * coarse + coarse + 2 * coarse * coarse + coarse
    return unused + 2 * deepest_block + deepest_skip + linear


def test_the_published_width_has_the_published_parameters_less_those_never_reached() -> None:
    published = build_network("daeformer", channels=3, classes=9)
    assert _parameters(published) == 29_690_201
    assert _parameters(published) + _never_reached((128, 320, 512)) == 48_073_065  # 48.07 M


@pytest.mark.parametrize("size", [(32, 32), (100, 71), (224, 160), (5, 40)])
def test_images_of_any_size_get_a_logit_a_class_and_pixel(size: tuple[int, int]) -> None:
    network = _reduced(channels=2, classes=4)
    with torch.no_grad():
        assert network(_images(1, 2, *size)).shape == (1, 4, *size)
        features = network.features(_images(1, 2, *size))
    assert features.shape == (1, 64, -(-size[0] // 16), -(-size[1] // 16))
    assert (network.dim, network.stride) == (64, 16)


def test_padding_repeats_the_last_pixels() -> None:
    network, small = _reduced(), _images(1, 1, 32, 50)
    padded = torch.cat([small, small[..., -1:].expand(1, 1, 32, 14)], dim=3)
    with torch.no_grad():
        assert torch.equal(network(small), network(padded)[..., :50])


def test_every_parameter_learns() -> None:
    network = _reduced()
    labels = torch.randint(0, 3, (2, 64, 64), generator=torch.Generator().manual_seed(2))
    segmentation_loss(network(_images(2, 1, 64, 64)), labels).backward()
    idle = [name for name, each in network.named_parameters() if each.grad is None or not each.grad.any()]
    assert idle == []


def test_the_seed_makes_the_weights_and_nothing_else_does() -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first = _reduced(seed=3).state_dict()
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(6)
    again, other = _reduced(seed=3).state_dict(), _reduced(seed=4).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["body.classify.weight"], other["body.classify.weight"])


def test_a_slice_does_not_see_the_others_of_its_batch() -> None:
    network = _reduced()
    images = _images(3, 1, 64, 64)
    with torch.no_grad():
        alone, together = network(images[1:2]), network(images)[1:2]
    assert torch.allclose(alone, together, atol=1e-5)


def test_a_token_knows_its_place_by_its_neighbours_alone() -> None:
    feed_forward = MixFeedForward(4, 8)
    tokens = torch.zeros(1, 25, 4)
    tokens[0, 12] = 1.0  # the middle of 5 x 5
    with torch.no_grad():
        moved = (feed_forward(tokens, (5, 5)) - feed_forward(torch.zeros(1, 25, 4), (5, 5))).abs().sum(2)
    seen = moved.reshape(5, 5) > 1e-7
    assert seen[1:4, 1:4].all() and int(seen.sum()) == 9


def test_a_few_steps_learn_a_square() -> None:
    network = build_network("daeformer", 1, 2, NetworkSettings(widths=(8, 16, 16), blocks=1))
    labels = torch.zeros(2, 32, 32, dtype=torch.long)
    labels[0, 6:18, 8:20] = labels[1, 12:28, 3:15] = 1
    images = labels[:, None].float() + 0.3 * _images(2, 1, 32, 32)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-2)
    for _ in range(20):
        optimiser.zero_grad()
        loss = segmentation_loss(network(images), labels)
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        found = network(images).argmax(1) == 1
    drawn = labels == 1
    dice = 2 * (found & drawn).sum() / (found.sum() + drawn.sum())
    assert float(dice) > 0.9
