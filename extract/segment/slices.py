"""Slices for learning: windows drawn from studies, turned, resized and lightened at random.

Enters: prepared studies and a generator. Leaves: batches of windows with their labels. Every number that is
drawn comes from one seeded generator on the CPU, in one order, so that a fit can be repeated.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32, UInt8

from extract.segment.losses import IGNORED

if TYPE_CHECKING:
    from torch import Tensor

#: How far a window is turned (degrees), resized and shifted (shares), and its grey values changed (share).
TURN_DEGREES, RESIZE, SHIFT, GREY = 15.0, 0.15, 0.05, 0.2

Window = tuple[Float32[np.ndarray[Any, Any], "side side"], UInt8[np.ndarray[Any, Any], "side side"]]


@dataclass(frozen=True, kw_only=True)
class PreparedStudy:
    """One labelled study as a network sees it; both arrays are at least a window large."""

    case_id: str
    images: Float32[np.ndarray[Any, Any], "slice row column"]
    labels: UInt8[np.ndarray[Any, Any], "slice row column"]

    @property
    def drawn(self) -> bool:
        """Whether anything is drawn in it at all."""
        return bool(((self.labels > 0) & (self.labels != IGNORED)).any())


@dataclass(frozen=True, kw_only=True)
class Batches:
    """How windows are drawn: their side, how many at once, whether they are changed at random."""

    side: int
    batch: int
    augment: bool

    def epoch(
        self, studies: Sequence[PreparedStudy], rng: np.random.Generator
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield every slice once, in a new order, as (images, labels): one window of it.

        Images are (window, 1, side, side) f32, labels (window, side, side) i64 with `IGNORED`.
        """
        import torch

        places = [(study, index) for study in studies for index in range(len(study.images))]
        order = rng.permutation(len(places))
        for start in range(0, len(order), self.batch):
            chosen = [places[place] for place in order[start : start + self.batch]]
            windows = [self._window(study, index, rng) for study, index in chosen]
            images = torch.from_numpy(np.stack([image for image, _ in windows]))[:, None]
            labels = torch.from_numpy(np.stack([label for _, label in windows]))
            if self.augment:
                images, labels = _changed(images, labels, rng)
            yield images, labels.long()

    def _window(self, study: PreparedStudy, index: int, rng: np.random.Generator) -> Window:
        """Cut a window; where a slice is larger, every second one lies around something that was drawn."""
        image, label = study.images[index], study.labels[index]
        around_drawn, pick = rng.random() < 0.5, rng.random()
        corner = rng.random(2)
        free = np.array(image.shape) - self.side
        start = np.floor(corner * (free + 1)).astype(np.int64)
        if around_drawn and free.any():
            drawn = np.argwhere((label > 0) & (label != IGNORED))
            if len(drawn):
                centre = drawn[int(pick * len(drawn))]
                start = np.clip(centre - np.floor(corner * self.side).astype(np.int64), 0, free)
        row, column = start
        cut = np.s_[row : row + self.side, column : column + self.side]
        return image[cut], label[cut]


def _changed(images: Tensor, labels: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Return windows turned, resized, shifted and lightened; what comes in from outside is `IGNORED`.

    No mirroring: left and right, front and back are not alike in a patient.
    """
    import torch
    from torch.nn.functional import affine_grid, grid_sample

    count = len(images)
    angle = np.deg2rad(rng.uniform(-TURN_DEGREES, TURN_DEGREES, count))
    size = np.exp(rng.uniform(-math.log1p(RESIZE), math.log1p(RESIZE), count))
    shift = rng.uniform(-2 * SHIFT, 2 * SHIFT, (count, 2))  # in units of half a window
    matrix = np.empty((count, 2, 3), dtype=np.float32)
    matrix[:, 0, 0] = matrix[:, 1, 1] = np.cos(angle) * size
    matrix[:, 1, 0] = np.sin(angle) * size
    matrix[:, 0, 1] = -matrix[:, 1, 0]
    matrix[:, :, 2] = shift
    gain = torch.from_numpy(rng.uniform(1 - GREY, 1 + GREY, (count, 1, 1, 1)).astype(np.float32))
    offset = torch.from_numpy(rng.uniform(-GREY, GREY, (count, 1, 1, 1)).astype(np.float32))
    grid = affine_grid(torch.from_numpy(matrix), list(images.shape), align_corners=False)
    turned = grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
    # grid_sample brings in zeros from outside: labels are sampled as their distance from IGNORED
    apart = labels[:, None].float() - IGNORED
    sampled = grid_sample(apart, grid, mode="nearest", padding_mode="zeros", align_corners=False)
    return turned * gain + offset, (sampled[:, 0] + IGNORED).round().to(torch.uint8)
