"""Windows over slices: every pixel is seen, and overlapping answers are averaged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.segment.windows import probabilities_of, window_starts


@given(length=st.integers(1, 900), side=st.sampled_from([32, 64, 96, 320]))
def test_windows_cover_every_pixel_and_stay_inside(length: int, side: int) -> None:
    starts = window_starts(length, side)
    seen = np.zeros(max(length, side), dtype=bool)
    for start in starts:
        assert 0 <= start <= max(0, length - side)
        seen[start : start + side] = True
    assert seen[:length].all()


def test_overlapping_windows_are_averaged() -> None:
    torch = pytest.importorskip("torch")
    images = np.zeros((2, 40, 32), dtype=np.float32)
    images[1] = 1.0
    calls = []

    def forward(windows: object) -> object:
        calls.append(windows)
        first = windows[:, 0]  # type: ignore[index]
        # the second window of each slice answers otherwise than the first
        turn = torch.arange(len(first)).remainder(2).view(-1, 1, 1).float()
        return torch.stack([torch.zeros_like(first), turn * torch.log(torch.tensor(3.0)) + 0 * first], dim=1)

    found = probabilities_of(forward, images, 32, "cpu")  # type: ignore[arg-type]
    assert found.shape == (2, 2, 40, 32)
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-6)
    np.testing.assert_allclose(found[1, 0, :8], 0.5, atol=1e-6)  # the first window alone
    np.testing.assert_allclose(found[1, 0, 8:32], 0.625, atol=1e-6)  # the mean of .5 and .75
    np.testing.assert_allclose(found[1, 0, 32:], 0.75, atol=1e-6)
