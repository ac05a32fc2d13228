"""What a segmenting network has at its bottom, over whole slices: one token a place, none twice.

Enters: prepared slices and a network's features. Leaves: tokens and their centres on the slices. A network is
shown windows of the size that it was fitted on, as when it segments, but on whole steps of its tokens, so
that all lie on one lattice; where windows overlap, a token is of the window whose middle is nearer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Float32, Int

from extract.segment.windows import BATCH, window_starts

if TYPE_CHECKING:
    from torch import Tensor


def bottleneck_tokens(
    features: Callable[[Tensor], Tensor],
    images: Float32[np.ndarray[Any, Any], "slice row column"],
    side: int,
    stride: int,
    device: str,
) -> tuple[Float32[np.ndarray[Any, Any], "token dim"], Float[np.ndarray[Any, Any], "token 3"]]:
    """Return the tokens of all slices.

    Parameters
    ----------
    features
        Takes (window, 1, side, side) on `device`, returns (window, dim, side / stride, side / stride).
    images
        Prepared slices, at least one window large.
    side, stride
        Of a window, and from one token to the next, in pixels.

    Returns
    -------
    tokens
        (token, dim).
    centres
        (token, 3) of each in (slice, row, column), fractions of pixels. The last rows and columns are
        repeated up to a whole token, whose centre may then lie beyond the slice.
    """
    import torch

    lacking = [(0, -length % stride) for length in images.shape[1:]]
    images = np.pad(images, [(0, 0), *lacking], mode="edge")
    rows, columns = (_kept(length, side, stride) for length in images.shape[1:])
    windows = [(index, row, column) for index in range(len(images)) for row in rows for column in columns]
    tokens, centres = [], []
    for start in range(0, len(windows), BATCH[device]):
        chosen = windows[start : start + BATCH[device]]
        cut = [images[i, r.start : r.start + side, c.start : c.start + side] for i, r, c in chosen]
        answer = features(torch.from_numpy(np.stack(cut)[:, None]).to(device)).float().cpu().numpy()
        for (index, row, column), maps in zip(chosen, answer, strict=True):
            tokens.append(maps[:, row.own][:, :, column.own].reshape(len(maps), -1).T)
            axes = np.meshgrid([float(index)], row.centres, column.centres, indexing="ij")
            centres.append(np.stack(axes, axis=-1).reshape(-1, 3))
    return np.concatenate(tokens), np.concatenate(centres)


@dataclass(frozen=True, kw_only=True)
class _Window:
    """A window along one axis: its first pixel, its own tokens, and where their centres lie."""

    start: int
    own: Int[np.ndarray[Any, Any], " token"]
    centres: Float[np.ndarray[Any, Any], " token"]


def _kept(length: int, side: int, stride: int) -> list[_Window]:
    """Return the windows along one axis, each with the tokens that are nearest to its own middle."""
    starts = sorted({round(start / stride) * stride for start in window_starts(length, side)})
    middles = np.array(starts) + (side - 1) / 2
    edges = [-np.inf, *(middles[1:] + middles[:-1]) / 2, np.inf]
    windows = []
    for place, start in enumerate(starts):
        centres = start + stride * np.arange(side // stride) + (stride - 1) / 2
        own = np.flatnonzero((centres >= edges[place]) & (centres < edges[place + 1]))
        windows.append(_Window(start=start, own=own, centres=centres[own]))
    return windows
