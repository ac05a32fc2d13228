"""The way down of a plain nnU-Net, built from the plan beside its weights.

Enters: plans.json, tensors under nnU-Net's names, a volume. Leaves: the map at the bottom. Of each stage, as
in nnU-Net 2 (Isensee et al. 2021; `PlainConvEncoder` of dynamic-network-architectures): convolutions with
bias, instance norm, leaky rectifier; the first convolution of a stage steps. Networks of another kind
(residual ones among them) have other names and are refused where they are loaded.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from feature_cache.errors import RecipeError

if TYPE_CHECKING:
    from torch import Tensor

    from extract.encoders.networks import Shape

    State = dict[str, Tensor]

PLANS = "plans.json"
CONFIGURATION = "3d_fullres"
_EPS, _SLOPE = 1e-5, 0.01


class NnunetPlan(BaseModel):
    """What of a plan shapes the way down; axes are slices, rows and columns, as nnU-Net has them."""

    model_config = ConfigDict(frozen=True)

    spacing: tuple[float, float, float]
    features: tuple[int, ...]
    kernels: tuple[tuple[int, int, int], ...]
    strides: tuple[tuple[int, int, int], ...]
    convolutions: tuple[int, ...]

    @property
    def step(self) -> tuple[int, int, int]:
        """Voxels from one column of the bottom map to the next."""
        slices, rows, columns = (math.prod(stride[axis] for stride in self.strides) for axis in range(3))
        return slices, rows, columns


def read_plan(folder: Path, encoder: str) -> NnunetPlan:
    """Read the plan of the configuration `3d_fullres`; plans before and after nnU-Net 2.4 are known.

    Raises
    ------
    RecipeError
        There is none, or it is of another kind of network.
    """
    where = f"encoder {encoder}: {PLANS}"
    try:
        whole = json.loads((folder / PLANS).read_text(encoding="utf-8"))
        held = whole["configurations"][CONFIGURATION]
        return NnunetPlan.model_validate(_of_new(held) if "architecture" in held else _of_old(held))
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        raise RecipeError(
            where,
            expected=f"the plan of a plain U-Net beside its weights, configuration {CONFIGURATION}",
            got="none" if isinstance(error, OSError) else f"another ({type(error).__name__})",
            remedy=f"Copy {PLANS} of the trained model into the folder.",
        ) from error


def _of_new(held: dict[str, Any]) -> dict[str, Any]:
    if not str(held["architecture"]["network_class_name"]).endswith("PlainConvUNet"):
        raise ValueError("another kind of network")
    arguments = held["architecture"]["arch_kwargs"]
    return {
        "spacing": held["spacing"],
        "features": arguments["features_per_stage"],
        "kernels": arguments["kernel_sizes"],
        "strides": arguments["strides"],
        "convolutions": arguments["n_conv_per_stage"],
    }


def _of_old(held: dict[str, Any]) -> dict[str, Any]:
    if held.get("UNet_class_name", "PlainConvUNet") != "PlainConvUNet":
        raise ValueError("another kind of network")
    convolutions = held["n_conv_per_stage_encoder"]
    base, most = held["UNet_base_num_features"], held["unet_max_num_features"]
    return {
        "spacing": held["spacing"],
        "features": [min(base * 2**stage, most) for stage in range(len(convolutions))],
        "kernels": held["conv_kernel_sizes"],
        "strides": held["pool_op_kernel_sizes"],
        "convolutions": convolutions,
    }


def shapes_needed(plan: NnunetPlan) -> dict[str, Shape]:
    """Return the shapes of the tensors of the way down, by nnU-Net's names."""
    shapes: dict[str, Shape] = {}
    channels = 1
    for stage, features in enumerate(plan.features):
        for number in range(plan.convolutions[stage]):
            name = _name(stage, number)
            shapes[f"{name}.conv.weight"] = (features, channels, *plan.kernels[stage])
            shapes[f"{name}.conv.bias"] = (features,)
            shapes[f"{name}.norm.weight"] = shapes[f"{name}.norm.bias"] = (features,)
            channels = features
    return shapes


def bottom_map(state: State, plan: NnunetPlan, volume: Tensor) -> Tensor:
    """Return (feature, slice, row, column) of a volume (slice, row, column).

    Kernels are odd and padded by half: feature (i, j, k) has its centre at voxel (i, j, k) x `plan.step`.
    """
    from torch.nn.functional import conv3d, instance_norm, leaky_relu

    x = volume[None, None]
    for stage, stride in enumerate(plan.strides):
        padding = [side // 2 for side in plan.kernels[stage]]
        for number in range(plan.convolutions[stage]):
            name = _name(stage, number)
            kernel, bias, scale, shift = (
                state[f"{name}.{part}"] for part in ("conv.weight", "conv.bias", "norm.weight", "norm.bias")
            )
            x = conv3d(x, kernel, bias, stride if number == 0 else 1, padding)
            x = leaky_relu(instance_norm(x, weight=scale, bias=shift, eps=_EPS), _SLOPE)
    return x[0]


def _name(stage: int, number: int) -> str:
    return f"encoder.stages.{stage}.0.convs.{number}"
