"""What every segmenting network can do, whoever wrote it: logits of a slice, and the features at its bottom.

Enters: images of any size. Leaves: logits of that size, or features on a coarser grid. What a network cannot
take as it is (sides that its strides do not divide, slices smaller than it can shrink) is padded here, with
the last pixels repeated below and to the right, and cut off again.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import nn
from torch.nn import functional

#: Sides are padded to a multiple of this: what all networks here can halve as often as they need.
MULTIPLE = 32


class Body(Protocol):
    """A network of some family.

    `stride` pixels lie between neighbours at its bottom, where there are `dim` channels; below `least_px` a
    side is too short for it.
    """

    stride: int
    dim: int
    least_px: int

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits (batch, class, row, column) of images with sides divisible by `MULTIPLE`."""

    def bottom(self, images: torch.Tensor) -> torch.Tensor:
        """Return (batch, dim, row / stride, column / stride)."""


class SegmentationNetwork(nn.Module):
    """A body with padding around it; its state dict is the body's under ``body.``.

    Attributes
    ----------
    dim, stride
        Channels of the features, and the pixels from one to the next along both sides.
    """

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    @property
    def dim(self) -> int:
        """How many channels `features` has."""
        return int(self._as_body.dim)

    @property
    def stride(self) -> int:
        """How many pixels lie from one feature to the next."""
        return int(self._as_body.stride)

    @property
    def _as_body(self) -> Body:
        return self.body  # type: ignore[return-value]  # nn.Module says nothing of attributes

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits (batch, class, row, column), the size of the images (batch, channel, row, column)."""
        rows, columns = images.shape[2:]
        return self._as_body(self._padded(images))[..., :rows, :columns]

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return what is at the bottom of the network.

        Returns
        -------
        Tensor
            (batch, dim, ceil(row / stride), ceil(column / stride)). Feature (i, j) stands for the pixels
            from (i stride, j stride) on; those of the padding alone are cut off.
        """
        rows, columns = (-(-side // self.stride) for side in images.shape[2:])
        return self._as_body.bottom(self._padded(images))[..., :rows, :columns]

    def _padded(self, images: torch.Tensor) -> torch.Tensor:
        below, right = (
            max(-(-side // MULTIPLE) * MULTIPLE, self._as_body.least_px) - side for side in images.shape[2:]
        )
        return functional.pad(images, (0, right, 0, below), mode="replicate") if below or right else images
