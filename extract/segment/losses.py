"""What a segmenter is fitted to: cross-entropy and overlap, together.

Enters: logits of a batch of slices, and their labels. Leaves: one number to be made small. Pixels labelled
`IGNORED` (nobody drew them, or they are padding) take no part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

#: Label of pixels that nothing is known of.
IGNORED = 255
#: Shares of the two parts: as DAE-Former was fitted (Azad et al. 2022, arXiv 2212.13504).
CROSS_ENTROPY_SHARE, DICE_SHARE = 0.4, 0.6
#: Keeps the overlap of a class that is nowhere in the batch defined.
_SMOOTH = 1e-5


def segmentation_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Return .4 cross-entropy + .6 Dice loss of a batch.

    Parameters
    ----------
    logits
        (batch, class, row, column).
    labels
        (batch, row, column) whole numbers: the class of each pixel, or `IGNORED`.

    Returns
    -------
    Tensor
        A scalar; exactly 0, with a gradient of 0, where every pixel is ignored.
    """
    return CROSS_ENTROPY_SHARE * cross_entropy(logits, labels) + DICE_SHARE * dice_loss(logits, labels)


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean cross-entropy of the pixels that are not ignored; 0 where there are none.

    Written out as a sum over classes: torch's own has no deterministic form for images on a GPU.

    Parameters
    ----------
    logits, labels
        As of `segmentation_loss`.
    """
    truth = _one_hot(labels, logits.shape[1])
    return -(truth * logits.log_softmax(dim=1)).sum() / truth.sum().clamp(min=1)


def dice_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Return 1 - soft Dice, averaged over all classes (background too), each over the whole batch.

    With squares in the denominator (Milletari et al. 2016, V-Net, equation 3). Over the batch and not slice
    by slice: a slice without a structure then costs what is wrongly marked there, not a whole unit.

    Parameters
    ----------
    logits, labels
        As of `segmentation_loss`.
    """
    truth = _one_hot(labels, logits.shape[1])
    chances = logits.softmax(dim=1) * (labels != IGNORED)[:, None]
    over_pixels = (0, 2, 3)
    overlap = (chances * truth).sum(over_pixels)
    sizes = (chances * chances).sum(over_pixels) + truth.sum(over_pixels)
    return (1 - (2 * overlap + _SMOOTH) / (sizes + _SMOOTH)).mean()


def _one_hot(labels: Tensor, classes: int) -> Tensor:
    """Return (batch, class, row, column): 1 for a pixel's class, 0 for others and where it is ignored."""
    import torch

    return (labels[:, None] == torch.arange(classes, device=labels.device)[:, None, None]).float()
