"""The networks that MONAI has: U-Net, SegResNet and SwinUNETR in two dimensions, each with its bottom.

Enters: channels, classes and complete settings. Leaves: bodies for `SegmentationNetwork`. This is the one
module that imports MONAI (extra `segment`). None of them mixes the slices of a batch: norms are of the
instance, of groups or of the layer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from monai.networks.layers.simplelayers import SkipConnection
from monai.networks.nets.segresnet import SegResNet
from monai.networks.nets.swin_unetr import SwinUNETR
from monai.networks.nets.unet import UNet
from torch import nn


class FromMonai(nn.Module):
    """A MONAI network and the way to its bottom."""

    def __init__(self, network: nn.Module, stride: int, dim: int, least_px: int) -> None:
        super().__init__()
        self.network = network
        self.stride, self.dim, self.least_px = stride, dim, least_px

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits (batch, class, row, column)."""
        logits: torch.Tensor = self.network(images)
        return logits

    def bottom(self, images: torch.Tensor) -> torch.Tensor:
        """Return (batch, dim, row / stride, column / stride)."""
        reach = _BOTTOMS[type(self.network)]
        return reach(self.network, images)


def unet(channels: int, classes: int, widths: tuple[int, ...], blocks: int) -> FromMonai:
    """Return a residual U-Net that halves its sides once a level."""
    steps = len(widths) - 1
    network = UNet(2, channels, classes, widths, [2] * steps, num_res_units=blocks)
    # An instance norm needs two pixels at the bottom.
    return FromMonai(network, stride=2**steps, dim=widths[-1], least_px=2 ** (steps + 1))


def segresnet(channels: int, classes: int, widths: tuple[int, ...]) -> FromMonai:
    """Return a SegResNet of four levels."""
    network = SegResNet(2, init_filters=widths[0], in_channels=channels, out_channels=classes)
    return FromMonai(network, stride=8, dim=8 * widths[0], least_px=8)


def swinunetr(channels: int, classes: int, widths: tuple[int, ...]) -> FromMonai:
    """Return a SwinUNETR of five levels."""
    network = SwinUNETR(channels, classes, feature_size=widths[0], spatial_dims=2)
    return FromMonai(network, stride=32, dim=16 * widths[0], least_px=64)


def _unet_bottom(network: Any, images: torch.Tensor) -> torch.Tensor:
    """Walk down the nested blocks: each is (down, skip around what lies below, up)."""
    block = network.model
    while isinstance(block, nn.Sequential) and len(block) > 1 and isinstance(block[1], SkipConnection):
        images, block = block[0](images), block[1].submodule
    below: torch.Tensor = block(images)
    return below


def _segresnet_bottom(network: Any, images: torch.Tensor) -> torch.Tensor:
    below: torch.Tensor = network.encode(images)[0]
    return below


def _swinunetr_bottom(network: Any, images: torch.Tensor) -> torch.Tensor:
    below: torch.Tensor = network.encoder10(network.swinViT(images, network.normalize)[4])
    return below


_BOTTOMS: dict[type, Callable[[Any, torch.Tensor], torch.Tensor]] = {
    UNet: _unet_bottom,
    SegResNet: _segresnet_bottom,
    SwinUNETR: _swinunetr_bottom,
}
