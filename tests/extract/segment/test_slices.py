"""Windows for learning: every slice once, the same order from the same seed, labels that stay labels."""

from __future__ import annotations

import numpy as np
import pytest

from extract.segment.losses import IGNORED
from extract.segment.slices import Batches, PreparedStudy

torch = pytest.importorskip("torch")


def study(case: str, side: int, slices: int) -> PreparedStudy:
    rng = np.random.default_rng(side)
    labels = np.zeros((slices, side, side), dtype=np.uint8)
    labels[:, side - 6 : side - 2, side - 6 : side - 2] = 1
    return PreparedStudy(
        case_id=case, images=rng.normal(size=labels.shape).astype(np.float32) + 10 * labels, labels=labels
    )


def test_every_slice_comes_once_an_epoch_as_it_is() -> None:
    studies = [study("a", 32, 3), study("b", 32, 2)]
    batches = Batches(side=32, batch=2, augment=False)
    shown = [image for images, _ in batches.epoch(studies, np.random.default_rng(0)) for image in images]
    expected = np.concatenate([one.images for one in studies])
    assert len(shown) == 5
    sums = sorted(float(image.sum()) for image in shown)
    np.testing.assert_allclose(sums, sorted(expected.sum(axis=(1, 2)).tolist()), rtol=1e-4)


def test_the_same_seed_gives_the_same_windows() -> None:
    studies = [study("a", 48, 4)]
    batches = Batches(side=32, batch=3, augment=True)
    first, again, other = (list(batches.epoch(studies, np.random.default_rng(seed))) for seed in (5, 5, 6))
    assert all(
        torch.equal(a, b)
        for one, two in zip(first, again, strict=True)
        for a, b in zip(one, two, strict=True)
    )
    assert not torch.equal(first[0][0], other[0][0])


def test_labels_turn_with_their_image_and_what_comes_in_from_outside_is_ignored() -> None:
    one = study("a", 32, 1)
    batches = Batches(side=32, batch=1, augment=True)
    outside = 0
    for seed in range(10):
        ((images, labels),) = batches.epoch([one], np.random.default_rng(seed))
        assert set(np.unique(labels.numpy())) <= {0, 1, IGNORED}
        outside += int((labels == IGNORED).sum())
        marked = labels[0] == 1
        if marked.any():
            assert images[0, 0][marked].mean() > images[0, 0][labels[0] == 0].mean() + 5
    assert outside > 0


def test_windows_of_large_slices_often_lie_around_what_was_drawn() -> None:
    large = study("a", 320, 1)  # drawn in one corner: a random window of 32 px rarely meets it
    batches = Batches(side=32, batch=1, augment=False)
    met = sum(
        bool((labels == 1).any())
        for seed in range(40)
        for _, labels in batches.epoch([large], np.random.default_rng(seed))
    )
    assert 10 <= met <= 32
