"""MedicalNet's 3-D ResNet up to its last feature map, computed straight from the tensors of a checkpoint.

Enters: tensors under the names of the published checkpoints, and a volume. Leaves: the last feature map.
As published (Chen et al. 2019, Med3D, arXiv 1904.00625; github.com/Tencent/MedicalNet): one channel in,
shortcuts of type B, and dilation 2 and 4 in place of the strides of the last two stages, so that a feature
stands for 8 x 8 x 8 voxels. The segmentation head of the checkpoints is not used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from torch import Tensor

#: Voxels from one feature to the next along each axis: 7-wide convolution, pooling and second stage, 2 each.
STRIDE = 8
#: Stride and dilation of the four stages.
_STAGES = ((1, 1), (2, 1), (1, 2), (1, 4))


class Depth(BaseModel):
    """How many blocks each of the four stages has, and whether a block is a bottleneck (1, 3, 1)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    blocks: tuple[int, int, int, int]
    bottleneck: bool


@dataclass(frozen=True, kw_only=True)
class _Block:
    """One residual block: the prefix of its tensors, how it steps, whether its shortcut is a convolution."""

    name: str
    stride: int
    dilation: int
    projects: bool


def names_needed(depth: Depth) -> set[str]:
    """Return the names of the tensors that the feature map depends on."""
    names = {"conv1.weight", *_norm_names("bn1")}
    for block in _blocks(depth):
        for number in range(1, (3 if depth.bottleneck else 2) + 1):
            names |= {f"{block.name}.conv{number}.weight", *_norm_names(f"{block.name}.bn{number}")}
        if block.projects:
            names |= {f"{block.name}.downsample.0.weight", *_norm_names(f"{block.name}.downsample.1")}
    return names


def feature_map(state: dict[str, Tensor], depth: Depth, volume: Tensor) -> Tensor:
    """Return the last feature map of a volume.

    Parameters
    ----------
    state
        Tensors by the names of the checkpoint, without `module.`.
    depth
        The blocks of the network.
    volume
        (slice, row, column) intensities, standardised.

    Returns
    -------
    Tensor
        (dim, slice / 8, row / 8, column / 8), sizes rounded up. Feature (i, j, k) has its centre at the
        voxel (8i, 8j, 8k): kernels are odd and padded by half, so every step keeps voxel 0 at feature 0.
    """
    from torch.nn.functional import conv3d, max_pool3d, relu

    x = conv3d(volume[None, None], state["conv1.weight"], stride=2, padding=3)
    x = max_pool3d(relu(_norm(state, "bn1", x)), kernel_size=3, stride=2, padding=1)
    for block in _blocks(depth):
        shortcut = x
        if block.projects:
            shortcut = conv3d(x, state[f"{block.name}.downsample.0.weight"], stride=block.stride)
            shortcut = _norm(state, f"{block.name}.downsample.1", shortcut)
        x = relu(_inner(state, depth, block, x) + shortcut)
    return x[0]


def _inner(state: dict[str, Tensor], depth: Depth, block: _Block, x: Tensor) -> Tensor:
    """Return what a block adds to its shortcut."""
    from torch.nn.functional import conv3d, relu

    if depth.bottleneck:
        x = relu(_norm(state, f"{block.name}.bn1", conv3d(x, state[f"{block.name}.conv1.weight"])))
    wide, last = (2, 3) if depth.bottleneck else (1, 2)
    kernel = state[f"{block.name}.conv{wide}.weight"]
    x = conv3d(x, kernel, stride=block.stride, padding=block.dilation, dilation=block.dilation)
    x = relu(_norm(state, f"{block.name}.bn{wide}", x))
    kernel = state[f"{block.name}.conv{last}.weight"]
    reach = 0 if depth.bottleneck else block.dilation
    x = conv3d(x, kernel, padding=reach, dilation=max(reach, 1))
    return _norm(state, f"{block.name}.bn{last}", x)


def _blocks(depth: Depth) -> Iterator[_Block]:
    for stage, (count, (stride, dilation)) in enumerate(zip(depth.blocks, _STAGES, strict=True), start=1):
        for number in range(count):
            first = number == 0
            yield _Block(
                name=f"layer{stage}.{number}",
                stride=stride if first else 1,
                dilation=dilation,
                projects=first and (stage > 1 or depth.bottleneck),
            )


def _norm_names(name: str) -> set[str]:
    return {f"{name}.{part}" for part in ("running_mean", "running_var", "weight", "bias")}


def _norm(state: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    from torch.nn.functional import batch_norm

    mean, variance = state[f"{name}.running_mean"], state[f"{name}.running_var"]
    return batch_norm(x, mean, variance, state[f"{name}.weight"], state[f"{name}.bias"])
