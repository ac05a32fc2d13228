"""ProViCNet's backbone: DINOv2 small with registers, told which slice of how many it sees.

Enters: tensors under the published names, slices, and their numbers. Leaves: patch tokens. As published (Lee
et al. 2025; github.com/pimed/ProViCNet at 1b016ac, `forward_features_pos`): class token, registers, a token
for the number of the slice and one for the number of slices, patches; positions of patches stretched from the
37 x 37 of DINOv2 (bicubic, smoothed). The segmentation head of the checkpoint is not used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from extract.encoders.transformer_block import block_shapes, layer_norm, linear, transformer_block

if TYPE_CHECKING:
    from torch import Tensor

    from extract.encoders.networks import Shape

    State = dict[str, Tensor]

PATCH_PX = 14
REGISTERS = 4
_EPS = 1e-6
#: Of the checkpoint and not asked: the head, and what pretraining put in place of hidden patches.
UNUSED = ("head.", "backbone.mask_token", "contrastive")


class ProvicnetForm(BaseModel):
    """Sizes of the network; `positions`: patches along a side whose positions the checkpoint holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int
    depth: int
    heads: int
    positions: int


def shapes_needed(form: ProvicnetForm) -> dict[str, Shape]:
    """Return the shapes of the tensors that the tokens depend on, by name."""
    width = form.width
    shapes: dict[str, Shape] = {
        "backbone.cls_token": (1, 1, width),
        "backbone.register_tokens": (1, REGISTERS, width),
        "backbone.pos_embed": (1, 1 + form.positions**2, width),
        "backbone.patch_embed.proj.weight": (width, 3, PATCH_PX, PATCH_PX),
        "backbone.patch_embed.proj.bias": (width,),
        "backbone.norm.weight": (width,),
        "backbone.norm.bias": (width,),
    }
    for name in ("axis_pos", "axis_max"):
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = (width, 1), (width,)
    for number in range(form.depth):
        shapes |= block_shapes(f"backbone.blocks.{number}", width, apart=False, scales=True)
    return shapes


def slice_tokens(state: State, form: ProvicnetForm, images: Tensor, numbers: Tensor, of: int) -> Tensor:
    """Return the normalised patch tokens of slices.

    Parameters
    ----------
    images
        (slice, 3, row, column): the slice below, the slice, the slice above.
    numbers
        (slice,) the number of each, from 0.
    of
        How many slices the series has.

    Returns
    -------
    Tensor
        (slice, patch, width), columns fastest.
    """
    import torch
    from torch.nn.functional import conv2d, interpolate

    kernel, bias = (state[f"backbone.patch_embed.proj.{part}"] for part in ("weight", "bias"))
    grid = conv2d(images, kernel, bias, stride=PATCH_PX)
    rows, columns = grid.shape[2:]
    positions = state["backbone.pos_embed"]
    square = positions[:, 1:].view(1, form.positions, form.positions, -1).permute(0, 3, 1, 2)
    if (rows, columns) != (form.positions, form.positions):
        square = interpolate(square, size=(rows, columns), mode="bicubic", antialias=True)
    patches = (grid + square).flatten(2).transpose(1, 2)
    count = len(images)
    first = (state["backbone.cls_token"] + positions[:, :1]).expand(count, -1, -1)
    registers = state["backbone.register_tokens"].expand(count, -1, -1)
    where = numbers.to(images.dtype)[:, None, None]
    told = [linear(state, "axis_pos", where), linear(state, "axis_max", torch.full_like(where, of))]
    tokens = torch.cat([first, registers, *told, patches], dim=1)
    for number in range(form.depth):
        tokens = transformer_block(state, f"backbone.blocks.{number}", tokens, form.heads, _EPS)
    return layer_norm(state, "backbone.norm", tokens, _EPS)[:, 1 + REGISTERS + len(told) :]
