"""How wide and deep a segmenting network is, and which networks there are.

Enters: a network's name and settings as a user writes them. Leaves: complete settings, refused where the
network cannot be built that way. Nothing heavy is imported here, so that a command can refuse at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from feature_cache.errors import RecipeError

#: Bumped by hand when a network gives other numbers with the same weights, or is initialised otherwise.
NETWORKS_ALGORITHM = 1


@dataclass(frozen=True, kw_only=True)
class NetworkKind:
    """One network that can be asked for: what its widths may be, and where it is from.

    `widths` and `blocks` are those of its makers; `counts` says how many widths there may be (least, most)
    and `multiple_of` what each must be divisible by; `widths_mean` and `blocks_mean` tell a user.
    """

    widths: tuple[int, ...]
    counts: tuple[int, int]
    multiple_of: int
    widths_mean: str
    blocks: int | None
    blocks_mean: str
    requires: tuple[str, ...]
    source: str


NETWORKS: dict[str, NetworkKind] = {
    "daeformer": NetworkKind(
        widths=(128, 320, 512),
        counts=(3, 3),
        multiple_of=8,
        widths_mean="the channels of its three stages",
        blocks=2,
        blocks_mean="the dual attention blocks of each stage",
        requires=("torch",),
        source="Azad et al. 2022 (arXiv 2212.13504); github.com/mindflow-institue/DAEFormer 9460d3a",
    ),
    "unet": NetworkKind(
        widths=(16, 32, 64, 128, 256),
        counts=(2, 6),
        multiple_of=1,
        widths_mean="the channels of each level",
        blocks=2,
        blocks_mean="the residual units of each level (0: plain convolutions)",
        requires=("torch", "monai"),
        source="Kerfoot et al. 2018, residual U-Net (10.1007/978-3-030-12029-0_40); MONAI 1.6.1 UNet",
    ),
    "segresnet": NetworkKind(
        widths=(32,),
        counts=(1, 1),
        multiple_of=8,
        widths_mean="the channels of the first of its four levels, doubled at each",
        blocks=None,
        blocks_mean="",
        requires=("torch", "monai"),
        source="Myronenko 2018 (arXiv 1810.11654), without the autoencoder; MONAI 1.6.1 SegResNet",
    ),
    "swinunetr": NetworkKind(
        widths=(48,),
        counts=(1, 1),
        multiple_of=12,
        widths_mean="the channels of the first of its levels, doubled at each",
        blocks=None,
        blocks_mean="",
        requires=("torch", "monai", "einops"),
        source="Hatamizadeh et al. 2022 (arXiv 2201.01266); MONAI 1.6.1 SwinUNETR in two dimensions",
    ),
}


class NetworkSettings(BaseModel):
    """The settings of a network as a user writes them; what is left out is as its makers have it.

    `widths` are channels (see `NetworkKind.widths_mean`), `blocks` how often a stage repeats itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    widths: tuple[Annotated[int, Field(ge=1, le=2048)], ...] | None = Field(default=None, min_length=1)
    blocks: int | None = Field(default=None, ge=0, le=8)


def find_network(name: str) -> NetworkKind:
    """Return what is known of a network.

    Raises
    ------
    RecipeError
        There is none of that name; the message lists those there are.
    """
    if name not in NETWORKS:
        raise RecipeError(
            f"network {name}",
            expected=f"one of {', '.join(NETWORKS)}",
            got="a name that no network has",
            remedy="Mend the name.",
        )
    return NETWORKS[name]


def complete_settings(name: str, settings: NetworkSettings) -> NetworkSettings:
    """Return settings with everything filled in that a network has; `blocks` stays None where it has none.

    Raises
    ------
    RecipeError
        An unknown network, or settings that it cannot be built with.
    """
    kind = find_network(name)
    widths = kind.widths if settings.widths is None else settings.widths
    least, most = kind.counts
    if not least <= len(widths) <= most or any(width % kind.multiple_of for width in widths):
        counted = str(least) if least == most else f"{least} to {most}"
        raise RecipeError(
            f"network {name}: widths",
            expected=f"{counted} number(s), each divisible by {kind.multiple_of}: {kind.widths_mean}",
            got=", ".join(map(str, widths)),
            remedy=f"Give such numbers, or leave `widths` out ({', '.join(map(str, kind.widths))}).",
        )
    if settings.blocks is not None and (kind.blocks is None or settings.blocks < (name == "daeformer")):
        raise RecipeError(
            f"network {name}: blocks",
            expected=kind.blocks_mean or "none: its depth is fixed",
            got=str(settings.blocks),
            remedy="Leave `blocks` out, or give a number from 1.",
        )
    blocks = kind.blocks if settings.blocks is None else settings.blocks
    return NetworkSettings(widths=widths, blocks=blocks)
