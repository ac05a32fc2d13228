"""Tokens of slices that are larger than a window: each place once, in its place, from the nearest window."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from extract.segment.bottleneck import bottleneck_tokens  # noqa: E402

STRIDE = 4


def _means(windows: torch.Tensor) -> torch.Tensor:
    """A bottom that says where it looked: the mean of its own pixels, and the window's corner."""
    pooled = torch.nn.functional.avg_pool2d(windows, STRIDE)
    return torch.cat([pooled, windows[:, :, :1, :1].expand_as(pooled)], dim=1)


def test_a_slice_of_one_window_has_its_tokens_in_order() -> None:
    images = np.arange(2 * 32 * 32, dtype=np.float32).reshape(2, 32, 32)
    tokens, centres = bottleneck_tokens(_means, images, 32, STRIDE, "cpu")
    assert tokens.shape == (2 * 8 * 8, 2)
    np.testing.assert_array_equal(
        centres[[0, 1, 8, 64]], [[0, 1.5, 1.5], [0, 1.5, 5.5], [0, 5.5, 1.5], [1, 1.5, 1.5]]
    )
    np.testing.assert_allclose(
        tokens[:, 0],
        [images[int(s), int(r) - 1 : int(r) + 3, int(c) - 1 : int(c) + 3].mean() for s, r, c in centres],
    )


@pytest.mark.parametrize("shape", [(70, 32), (100, 75), (33, 200)])
def test_larger_slices_are_covered_once(shape: tuple[int, int]) -> None:
    rows, columns = shape
    row, column = np.indices(shape)
    images = (1000.0 * row + column).astype(np.float32)[None]
    tokens, centres = bottleneck_tokens(_means, images, 32, STRIDE, "cpu")
    inside = (centres[:, 1] < rows - 2) & (centres[:, 2] < columns - 2)  # beyond, the last are repeated
    np.testing.assert_allclose(tokens[inside, 0], (1000 * centres[:, 1] + centres[:, 2])[inside], rtol=1e-6)
    for axis, length in ((1, rows), (2, columns)):
        lattice = np.arange(-(-length // STRIDE)) * STRIDE + (STRIDE - 1) / 2
        np.testing.assert_array_equal(np.unique(centres[:, axis]), lattice)
    assert len(np.unique(centres, axis=0)) == len(centres) == -(-rows // STRIDE) * -(-columns // STRIDE)


@pytest.mark.parametrize(("side", "stride"), [(32, 32), (32, 16), (64, 32), (96, 32)])
def test_no_token_is_lost_where_windows_are_few_tokens_wide(side: int, stride: int) -> None:
    for length in range(side, 4 * side, 7):
        images = np.zeros((1, side, length), dtype=np.float32)
        _, centres = bottleneck_tokens(
            lambda windows: windows[:, :, ::stride, ::stride], images, side, stride, "cpu"
        )
        assert len(np.unique(centres, axis=0)) == len(centres) == side // stride * -(-length // stride)


def test_a_token_is_taken_from_the_window_with_the_nearer_middle() -> None:
    images = np.tile(np.arange(44, dtype=np.float32), (32, 1))[None]  # windows begin at 0 and at 12
    tokens, centres = bottleneck_tokens(_means, images, 32, STRIDE, "cpu")
    begins = tokens[:, 1]
    assert set(begins) == {0.0, 12.0}
    nearer = np.abs(centres[:, 2] - 15.5) < np.abs(centres[:, 2] - 27.5)
    np.testing.assert_array_equal(begins == 0, nearer)
