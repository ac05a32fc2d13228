"""CineMA's encoder of short-axis stacks, computed straight from the tensors of its checkpoint.

Enters: tensors under the published names, and one frame. Leaves: a token for 16 x 16 px of each slice. As
published (Fu et al. 2025, arXiv 2506.00679; github.com/mathpluscode/CineMA at 4e352ac, `feature_forward`):
two stages of convolutions that look 5 px around, a vision transformer on what they leave, and what both
stages saw added to its tokens before a last norm. Other views and the decoder of the checkpoint are not used.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from extract.encoders.transformer_block import (
    MLP_RATIO,
    block_shapes,
    layer_norm,
    linear,
    transformer_block,
)

if TYPE_CHECKING:
    from torch import Tensor

    from extract.encoders.networks import Shape

    State = dict[str, Tensor]

#: Pixels that each stage joins to one, and the patches of the transformer: together 16 x 16 x 1.
_STEPS = ((4, 4, 1), (2, 2, 1), (2, 2, 1))
PATCH_PX = 16
_REACH = 5
_NORM_EPS, _CONVOLUTION_EPS = 1e-5, 1e-6
_DOWN, _FUSION = "enc_down_dict.sax", "enc_fusion_dict.sax"
#: Beginnings of the names that belong to other views and to pretraining.
UNUSED = (
    *(f"{part}.lax_" for part in ("enc_down_dict", "enc_fusion_dict")),
    "dec_linear.", "dec_embed_dict.", "decoder.", "pred_head_dict.",
)  # fmt: skip


class CinemaForm(BaseModel):
    """Sizes of the network; `frame` is columns, rows and slices of the input."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    frame: tuple[int, int, int]
    width: int
    depth: int
    heads: int
    stages: tuple[int, int]
    blocks_per_stage: int

    @property
    def grid(self) -> tuple[int, int, int]:
        """How many tokens there are along columns, rows and slices."""
        x, y, z = self.frame
        return x // PATCH_PX, y // PATCH_PX, z


def shapes_needed(form: CinemaForm) -> dict[str, Shape]:
    """Return the shapes of the tensors that the tokens depend on, by name."""
    shapes: dict[str, Shape] = {}

    def layer(name: str, weight: Shape) -> None:
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = weight, weight[:1]

    channels = 1
    for number, width in enumerate(form.stages):
        stage = f"{_DOWN}.conv_blocks.{number}"
        layer(f"{stage}.patch_embed.conv", (width, channels, *_STEPS[number]))
        layer(f"{stage}.patch_embed.norm", (width,))
        for block in range(form.blocks_per_stage):
            name = f"{stage}.conv.{block}"
            for part, kernel, inside in (
                ("conv1", (1, 1, 1), width), ("conv2", (1, 1, 1), width), ("dw_conv", (_REACH,) * 3, 1),
            ):  # fmt: skip
                layer(f"{name}.{part}", (width, inside, *kernel))
            layer(f"{name}.mlp.fc1", (MLP_RATIO * width, width, 1, 1, 1))
            layer(f"{name}.mlp.fc2", (width, MLP_RATIO * width, 1, 1, 1))
            layer(f"{name}.norm1", (width,))
            layer(f"{name}.norm2", (width,))
        layer(f"{_FUSION}.down_convs.{number}", (form.width, width, *_left(number)))
        channels = width
    layer(f"{_DOWN}.patch_embed.proj", (form.width, channels * math.prod(_STEPS[-1])))
    layer(f"{_DOWN}.linear", (form.width, form.width))
    layer(f"{_FUSION}.norm", (form.width,))
    layer("encoder.norm", (form.width,))
    shapes[f"{_DOWN}.pos_embed"] = (1, math.prod(form.grid), form.width)
    shapes["encoder.cls_token"] = (1, 1, form.width)
    for number in range(form.depth):
        shapes |= block_shapes(f"encoder.blocks.{number}", form.width, apart=True, scales=False)
    return shapes


def frame_tokens(state: State, form: CinemaForm, frame: Tensor) -> Tensor:
    """Return (token, width) of a frame (column, row, slice) in [0, 1]; slices fastest, columns slowest."""
    import torch
    from torch.nn.functional import conv3d

    x, skips = frame[None, None], []
    for number in range(len(form.stages)):
        stage = f"{_DOWN}.conv_blocks.{number}"
        step = _STEPS[number]
        x = _convolve(state, f"{stage}.patch_embed.conv", x, stride=step)
        x = torch.nn.functional.gelu(_norm_channels(state, f"{stage}.patch_embed.norm", x))
        for block in range(form.blocks_per_stage):
            x = _look_around(state, f"{stage}.conv.{block}", x)
        skips.append(x)
    tokens = linear(state, f"{_DOWN}.linear", linear(state, f"{_DOWN}.patch_embed.proj", _patches(x)))
    tokens = torch.cat([state["encoder.cls_token"], tokens + state[f"{_DOWN}.pos_embed"]], dim=1)
    for number in range(form.depth):
        tokens = transformer_block(state, f"encoder.blocks.{number}", tokens, form.heads, _NORM_EPS)
    tokens = layer_norm(state, "encoder.norm", tokens, _NORM_EPS)[:, 1:]
    for number, skip in enumerate(skips):
        name = f"{_FUSION}.down_convs.{number}"
        seen = conv3d(skip, state[f"{name}.weight"], state[f"{name}.bias"], stride=_left(number))
        tokens = tokens + seen.flatten(2).transpose(1, 2)
    return layer_norm(state, f"{_FUSION}.norm", tokens, _NORM_EPS)[0]


def _left(stage: int) -> tuple[int, int, int]:
    """Return how many px of a stage's map belong to one token."""
    sides = [math.prod(step[axis] for step in _STEPS[stage + 1 :]) for axis in range(3)]
    return sides[0], sides[1], sides[2]


def _patches(x: Tensor) -> Tensor:
    """Return (1, token, value) of (1, channel, column, row, slice): of a patch, channels fastest."""
    p, q, r = _STEPS[-1]
    channels, columns, rows, slices = x.shape[1:]
    cut = x.view(channels, columns // p, p, rows // q, q, slices // r, r)
    return cut.permute(1, 3, 5, 2, 4, 6, 0).reshape(1, -1, p * q * r * channels)


def _look_around(state: State, name: str, x: Tensor) -> Tensor:
    """Return a block of a stage: each channel looks around itself, then channels are mixed."""
    from torch.nn.functional import gelu

    inner = _convolve(state, f"{name}.conv1", _norm_channels(state, f"{name}.norm1", x))
    inner = _convolve(state, f"{name}.dw_conv", inner, padding=_REACH // 2, groups=x.shape[1])
    x = x + _convolve(state, f"{name}.conv2", inner)
    inner = gelu(_convolve(state, f"{name}.mlp.fc1", _norm_channels(state, f"{name}.norm2", x)))
    return x + _convolve(state, f"{name}.mlp.fc2", inner)


def _convolve(
    state: State,
    name: str,
    x: Tensor,
    stride: tuple[int, int, int] = (1, 1, 1),
    padding: int = 0,
    groups: int = 1,
) -> Tensor:
    from torch.nn.functional import conv3d

    return conv3d(x, state[f"{name}.weight"], state[f"{name}.bias"], stride, padding, 1, groups)


def _norm_channels(state: State, name: str, x: Tensor) -> Tensor:
    """Normalise over the channels of each voxel."""
    return layer_norm(state, name, x.movedim(1, -1), _CONVOLUTION_EPS).movedim(-1, 1)
