"""The loss by hand, and pixels that take no part in it."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from extract.segment.losses import IGNORED, dice_loss, segmentation_loss  # noqa: E402


def _random(classes: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    source = torch.Generator().manual_seed(0)
    logits = torch.randn(3, classes, 9, 7, generator=source, dtype=torch.float64)
    return logits, torch.randint(0, classes - 1, (3, 9, 7), generator=source)  # the last class is nowhere


def test_two_pixels_by_hand() -> None:
    """Chances (.5, .5) and (.8, .2), classes 0 and 0; class 1 is nowhere."""
    logits = torch.log(torch.tensor([[[[0.5, 0.8]], [[0.5, 0.2]]]], dtype=torch.float64))
    labels = torch.zeros(1, 1, 2, dtype=torch.long)
    cross_entropy = -(math.log(0.5) + math.log(0.8)) / 2
    first = 1 - (2 * 1.3 + 1e-5) / (0.25 + 0.64 + 2 + 1e-5)
    second = 1 - 1e-5 / (0.25 + 0.04 + 1e-5)
    assert float(dice_loss(logits, labels)) == pytest.approx((first + second) / 2, abs=1e-12)
    expected = 0.4 * cross_entropy + 0.3 * (first + second)
    assert float(segmentation_loss(logits, labels)) == pytest.approx(expected, abs=1e-12)


def test_ignored_pixels_take_no_part() -> None:
    logits, labels = _random()
    labels[:, 4:] = IGNORED
    other = logits.clone()
    other[:, :, 4:] = 50 * torch.randn(3, 4, 5, 7, dtype=torch.float64)
    assert torch.equal(segmentation_loss(logits, labels), segmentation_loss(other, labels))
    cut = segmentation_loss(logits[:, :, :4], labels[:, :4])
    assert float(segmentation_loss(logits, labels)) == pytest.approx(float(cut), abs=1e-12)


def test_a_batch_that_nobody_drew_teaches_nothing() -> None:
    logits, labels = _random()
    logits.requires_grad_()
    loss = segmentation_loss(logits, torch.full_like(labels, IGNORED))
    loss.backward()
    assert float(loss.detach()) == 0 and logits.grad is not None and not logits.grad.any()


def test_labels_may_be_bytes() -> None:
    logits, labels = _random()
    assert torch.equal(segmentation_loss(logits, labels.to(torch.uint8)), segmentation_loss(logits, labels))


def test_nothing_in_it_lacks_a_deterministic_form_on_a_gpu() -> None:
    """torch's own cross-entropy of images is refused there once determinism is asked for."""
    logits, labels = _random()
    logits.requires_grad_()
    steps, waiting = set(), [segmentation_loss(logits, labels).grad_fn]
    while waiting:
        step = waiting.pop()
        if step is not None:
            steps.add(step.name())
            waiting += [before for before, _ in step.next_functions]
    assert steps and not [name for name in steps if "Nll" in name or "Gather" in name or "Scatter" in name]
