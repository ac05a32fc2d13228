"""Slices of any size through windows of one size: where the windows lie, and their answers put together.

Enters: prepared slices, a network. Leaves: one probability a class and pixel, the mean of all windows that
show the pixel. A window is what the network was fitted on: attention over a whole slice is another function
on another size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32

if TYPE_CHECKING:
    from torch import Tensor

#: Windows given to a network at once: enough for a GPU, little enough for a CPU's cache.
BATCH = {"cpu": 4, "cuda": 32}


def window_starts(length: int, side: int) -> list[int]:
    """Return where windows begin along one axis: as few as cover it, evenly spread, by at least a quarter.

    >>> window_starts(64, 64), window_starts(100, 64), window_starts(300, 128)
    ([0], [0, 36], [0, 86, 172])
    """
    if length <= side:
        return [0]
    step = side * 3 // 4
    count = -(-(length - side) // step) + 1
    return [round(place) for place in np.linspace(0, length - side, count)]


def probabilities_of(
    forward: Callable[[Tensor], Tensor],
    images: Float32[np.ndarray[Any, Any], "slice row column"],
    side: int,
    device: str,
) -> Float32[np.ndarray[Any, Any], "class slice row column"]:
    """Return class probabilities of all pixels.

    Parameters
    ----------
    forward
        Takes (window, 1, side, side) on `device`, returns logits (window, class, side, side).
    images
        Prepared slices, at least one window large.
    """
    import torch

    slices, rows, columns = images.shape
    places = [
        (index, row, column)
        for index in range(slices)
        for row in window_starts(rows, side)
        for column in window_starts(columns, side)
    ]
    total: Any = None
    seen = np.zeros((rows, columns), dtype=np.float32)
    for _, row, column in places[: len(places) // slices]:
        seen[row : row + side, column : column + side] += 1
    for start in range(0, len(places), BATCH[device]):
        chosen = places[start : start + BATCH[device]]
        shown = np.stack([images[i, r : r + side, c : c + side] for i, r, c in chosen])[:, None]
        answer = torch.softmax(forward(torch.from_numpy(shown).to(device)).float(), dim=1).cpu().numpy()
        if total is None:
            total = np.zeros((answer.shape[1], slices, rows, columns), dtype=np.float32)
        for (i, r, c), one in zip(chosen, answer, strict=True):
            total[:, i, r : r + side, c : c + side] += one
    probabilities: Float32[np.ndarray[Any, Any], "class slice row column"] = total / seen
    return probabilities
