"""What of a tile a network is shown: all of it, its middle, or all of it made smaller.

Enters: normalised tiles, and the `view` of a card's architecture: {"crop_px": 224}, or {"resize_px": 448,
"interpolation": "bilinear" | "bicubic"}. Leaves: tiles as the network takes them. The makers resize pixels of
8 bits and round them; here they are not rounded, only kept within black and white. `input_px` of such a card
is the tile that is cut from the slide, so that the field of view is the one that its mpp says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from extract.encoders.card import EncoderCard
from extract.encoders.networks import NORMALISATIONS

if TYPE_CHECKING:
    from torch import Tensor


def viewer(card: EncoderCard) -> Callable[[Tensor], Tensor]:
    """Return what takes (tile, 3, input_px, input_px) to (tile, 3, px, px) as the card's `view` says."""
    view = card.architecture.get("view")
    if view is None:
        return lambda pixels: pixels
    assert isinstance(view, dict) and card.input_px is not None
    if "crop_px" in view:
        side = int(str(view["crop_px"]))
        start = (card.input_px - side) // 2
        return lambda pixels: pixels[..., start : start + side, start : start + side]
    side, how = int(str(view["resize_px"])), str(view["interpolation"])
    return lambda pixels: _resize(pixels, side, how, card.normalisation)


def _resize(pixels: Tensor, side: int, how: str, normalisation: str) -> Tensor:
    import torch
    from torch.nn.functional import interpolate

    mean, deviation = (torch.tensor(each, device=pixels.device) for each in NORMALISATIONS[normalisation])
    black, white = (((value - mean) / deviation).view(1, 3, 1, 1) for value in (0.0, 1.0))
    resized = interpolate(pixels, size=(side, side), mode=how, antialias=True, align_corners=False)
    return torch.clamp(resized, black, white)  # bicubic overshoots
