"""MedicalNet's network a second time, as torch modules: the oracle of the one that is computed from tensors.

Written from the description: names as in the published checkpoints, any width, the head left out.
"""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
from torch import Tensor, nn  # noqa: E402

BLOCKS = {10: (1, 1, 1, 1), 50: (3, 4, 6, 3)}


class ResidualBlock(nn.Module):
    def __init__(self, widths: tuple[int, int], bottleneck: bool, stride: int, dilation: int) -> None:
        super().__init__()
        before, width = widths
        after = 4 * width if bottleneck else width
        wide = {"kernel_size": 3, "padding": dilation, "dilation": dilation, "bias": False}
        if bottleneck:
            self.conv1 = nn.Conv3d(before, width, 1, bias=False)
            self.conv2 = nn.Conv3d(width, width, stride=stride, **wide)
            self.conv3 = nn.Conv3d(width, after, 1, bias=False)
            self.bn3 = nn.BatchNorm3d(after)
        else:
            self.conv1 = nn.Conv3d(before, width, stride=stride, **wide)
            self.conv2 = nn.Conv3d(width, width, **wide)
        self.bn1, self.bn2 = nn.BatchNorm3d(width), nn.BatchNorm3d(width)
        self.bottleneck = bottleneck
        self.downsample = None
        if stride > 1 or before != after:
            projection = nn.Conv3d(before, after, 1, stride=stride, bias=False)
            self.downsample = nn.Sequential(projection, nn.BatchNorm3d(after))

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        if self.bottleneck:
            x = self.bn3(self.conv3(torch.relu(x)))
        return torch.relu(x + shortcut)


class Oracle(nn.Module):
    """ResNet-10 or -50 whose first layer has `width` channels (64 as published)."""

    def __init__(self, depth: int, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(1, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm3d(width)
        before, bottleneck = width, depth >= 50
        for stage, (stride, dilation) in enumerate([(1, 1), (2, 1), (1, 2), (1, 4)]):
            blocks = []
            for number in range(BLOCKS[depth][stage]):
                wide = width * 2**stage
                blocks.append(
                    ResidualBlock((before, wide), bottleneck, stride if not number else 1, dilation)
                )
                before = 4 * wide if bottleneck else wide
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))

    def forward(self, volume: Tensor) -> Tensor:
        x = torch.relu(self.bn1(self.conv1(volume[None, None])))
        x = nn.functional.max_pool3d(x, 3, stride=2, padding=1)
        for stage in range(1, 5):
            x = self.get_submodule(f"layer{stage}")(x)
        return x[0]


def random_oracle(depth: int, width: int) -> Oracle:
    """A network in evaluation mode whose normalisation has statistics that matter."""
    torch.manual_seed(depth)
    network = Oracle(depth, width)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm3d):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
    return network.eval()
