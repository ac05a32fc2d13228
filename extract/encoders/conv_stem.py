"""The first layers of CTransPath: convolutions in the place of Swin's 4 x 4 patches.

Enters: pixels. Leaves: a map of a quarter of their side, as Swin takes it. Two 3 x 3 convolutions of stride 2
with batch norm and ReLU, widths an eighth and a quarter of the network's, then a 1 x 1 convolution to its
width (Wang et al. 2022, Medical Image Analysis).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


def conv_stem(
    img_size: int | tuple[int, int],
    patch_size: int | tuple[int, int],
    in_chans: int,
    embed_dim: int,
    norm_layer: Any,
    **_: object,
) -> Any:
    """Return the module that timm's Swin takes as its `embed_layer`; tensors are named as CTransPath's."""
    from torch import nn

    class ConvStem(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            sides = (img_size, img_size) if isinstance(img_size, int) else img_size
            self.img_size, self.grid_size = sides, (sides[0] // 4, sides[1] // 4)
            eighth, quarter = embed_dim // 8, embed_dim // 4
            self.proj = nn.Sequential(
                nn.Conv2d(in_chans, eighth, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(eighth),
                nn.ReLU(),
                nn.Conv2d(eighth, quarter, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(quarter),
                nn.ReLU(),
                nn.Conv2d(quarter, embed_dim, 1),
            )
            self.norm = norm_layer(embed_dim)

        def forward(self, pixels: Tensor) -> Tensor:
            normed: Tensor = self.norm(self.proj(pixels).permute(0, 2, 3, 1))
            return normed

    return ConvStem()
