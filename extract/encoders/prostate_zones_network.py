"""A small 2-D U-Net for the zones of the prostate, computed straight from the tensors of its checkpoint.

Enters: tensors under the names of the published checkpoint, and slices. Leaves: logits, or the map at the
bottom of the U. As published (C. Chen et al., AdvChain, arXiv 2206.12289; github.com/cherise215/advchain,
prostate_seg_unet_16.pth): four halvings by max pooling, 16 to 128 channels, and four doublings, bilinear with
corners aligned, each joined with the map from the way down, that map first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from extract.encoders.networks import Shape

    State = dict[str, Tensor]

#: Pixels from one column of the bottom map to the next; sides must be a multiple of it.
STRIDE = 16
CLASSES = 3
#: Prefix of each block and its channels in and out, in the order of the computation.
_DOWN = (
    ("inc.conv", 1, 16),
    ("down1.mpconv.1", 16, 32),
    ("down2.mpconv.1", 32, 64),
    ("down3.mpconv.1", 64, 128),
    ("down4.mpconv.1", 128, 128),
)
_UP = (("up1.conv", 256, 64), ("up2.conv", 128, 32), ("up3.conv", 64, 16), ("up4.conv", 32, 16))
_NORM = ("weight", "bias", "running_mean", "running_var")


def shapes_needed() -> dict[str, Shape]:
    """Return the shape of every tensor of the checkpoint by name."""
    shapes: dict[str, Shape] = {"outc.conv.weight": (CLASSES, 16, 1, 1), "outc.conv.bias": (CLASSES,)}
    for name, channels_in, channels_out in (*_DOWN, *_UP):
        for place, channels in ((0, channels_in), (3, channels_out)):
            shapes[f"{name}.conv.{place}.weight"] = (channels_out, channels, 3, 3)
            shapes[f"{name}.conv.{place}.bias"] = (channels_out,)
            shapes |= {f"{name}.conv.{place + 1}.{part}": (channels_out,) for part in _NORM}
            shapes[f"{name}.conv.{place + 1}.num_batches_tracked"] = ()
    return shapes


def bottom_map(state: State, slices: Tensor) -> Tensor:
    """Return (slice, 128, height / 16, width / 16) of (slice, 1, height, width), each slice in [0, 1]."""
    return _way_down(state, slices)[-1]


def zone_logits(state: State, slices: Tensor) -> Tensor:
    """Return (slice, 3, height, width): background, peripheral zone, central gland (transition)."""
    import torch
    from torch.nn.functional import conv2d, interpolate

    *skips, x = _way_down(state, slices)
    for (name, _, _), skip in zip(_UP, reversed(skips), strict=True):
        doubled = interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
        x = _block(state, name, torch.cat([skip, doubled], dim=1))
    return conv2d(x, state["outc.conv.weight"], state["outc.conv.bias"])


def _way_down(state: State, slices: Tensor) -> list[Tensor]:
    from torch.nn.functional import max_pool2d

    maps = [_block(state, _DOWN[0][0], slices)]
    for name, _, _ in _DOWN[1:]:
        maps.append(_block(state, name, max_pool2d(maps[-1], 2)))
    return maps


def _block(state: State, name: str, x: Tensor) -> Tensor:
    """Convolve, norm, rectify; twice."""
    from torch.nn.functional import batch_norm, conv2d, relu

    for place in (0, 3):
        kernel, bias = (state[f"{name}.conv.{place}.{part}"] for part in ("weight", "bias"))
        weight, shift, mean, variance = (state[f"{name}.conv.{place + 1}.{part}"] for part in _NORM)
        x = relu(batch_norm(conv2d(x, kernel, bias, padding=1), mean, variance, weight, shift))
    return x
