"""DAE-Former (Azad et al. 2022, arXiv 2212.13504): a U of dual attention blocks, of any width and image size.

Enters: images (batch, channel, row, column), sides divisible by 16. Leaves: a logit of each class and pixel,
or the tokens at the bottom of the U. Written from the paper, with what only the authors' code tells
(github.com/mindflow-institue/DAEFormer): heads, unprojected cross-attention, initialisation.

Two things differ. Their code repeats a grey image to three channels; here the first convolution takes as many
channels as there are. And their 48.07 M parameters (three channels, nine classes) count some that no input
ever reaches: a skip and two blocks of a deepest decoder stage that is only asked to enlarge, and two norms in
each feed-forward. Here these do not exist.
"""

from __future__ import annotations

import torch
from torch import nn

from extract.segment.networks.dual_block import DualBlock, Grid, SkipBlock, to_image, to_tokens

#: Pixels from one token at the bottom to the next: 4, then twice 2.
STRIDE = 16
_FIRST_STEP = 4


class DaeFormer(nn.Module):
    """Three stages down, three up.

    Parameters
    ----------
    channels, classes
        Of the images, and of what is told apart, background included.
    widths
        Channels of the stages, each divisible by 8.
    blocks
        Dual blocks of each stage on the way down; on the way up there are two.
    """

    stride = STRIDE
    least_px = STRIDE

    def __init__(self, channels: int, classes: int, widths: tuple[int, ...], blocks: int) -> None:
        super().__init__()
        fine, middle, coarse = widths
        self.dim = coarse
        self.down = nn.ModuleList(
            [
                _Stage(channels, fine, _FIRST_STEP, blocks),
                _Stage(fine, middle, 2, blocks),
                _Stage(middle, coarse, 2, blocks),
            ]
        )
        self.enlarge_coarse = _Enlarge(coarse, 2)
        self.up_middle = _UpStage(coarse // 2, middle, 2)
        self.up_fine = _UpStage(middle // 2, fine, _FIRST_STEP)
        self.classify = nn.Conv2d(fine, classes, 1)
        for part in (self.up_middle, self.up_fine, self.classify):
            part.apply(_initialise)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits (batch, class, row, column)."""
        fine, middle, coarse = self._encode(images)
        grid = (int(coarse.shape[2]), int(coarse.shape[3]))
        below = self.enlarge_coarse(to_tokens(coarse), grid)
        below = self.up_middle(below, middle)
        below = self.up_fine(below, fine)
        rows, columns = (_FIRST_STEP * side for side in fine.shape[2:])
        logits: torch.Tensor = self.classify(to_image(below, (rows, columns)))
        return logits

    def bottom(self, images: torch.Tensor) -> torch.Tensor:
        """Return (batch, dim, row / 16, column / 16)."""
        return self._encode(images)[-1]

    def _encode(self, images: torch.Tensor) -> list[torch.Tensor]:
        reached = []
        for stage in self.down:
            images = stage(images)
            reached.append(images)
        return reached


class _Stage(nn.Module):
    """Overlapping patches become tokens, then dual blocks, then a norm."""

    def __init__(self, channels: int, width: int, step: int, blocks: int) -> None:
        super().__init__()
        kernel = 7 if step == _FIRST_STEP else 3
        self.patches = nn.Conv2d(channels, width, kernel, stride=step, padding=kernel // 2)
        self.norm_patches = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(DualBlock(width) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        patches = self.patches(images)
        grid = (int(patches.shape[2]), int(patches.shape[3]))
        tokens = self.norm_patches(to_tokens(patches))
        for block in self.blocks:
            tokens = block(tokens, grid)
        return to_image(self.norm(tokens), grid)


class _UpStage(nn.Module):
    """What comes from below meets the encoder's tokens, is refined by two dual blocks, and enlarged."""

    def __init__(self, below: int, width: int, scale: int) -> None:
        super().__init__()
        self.fit = nn.Linear(below, width)
        self.skip = SkipBlock(width)
        self.narrow = nn.Linear(2 * width, width)
        self.blocks = nn.ModuleList(DualBlock(width) for _ in range(2))
        self.enlarge = _Enlarge(width, scale)

    def forward(self, below: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        grid = (int(skip.shape[2]), int(skip.shape[3]))
        tokens = self.narrow(self.skip(self.fit(below), to_tokens(skip), grid))
        for block in self.blocks:
            tokens = block(tokens, grid)
        enlarged: torch.Tensor = self.enlarge(tokens, grid)
        return enlarged


class _Enlarge(nn.Module):
    """Each token becomes scale x scale of them (Swin-Unet's patch expansion): by 2 half as wide."""

    def __init__(self, width: int, scale: int) -> None:
        super().__init__()
        self.scale = scale
        self.width = width // 2 if scale == 2 else width
        self.expand = nn.Linear(width, scale * scale * self.width, bias=False)
        self.norm = nn.LayerNorm(self.width)

    def forward(self, tokens: torch.Tensor, grid: Grid) -> torch.Tensor:
        rows, columns = grid
        parted = self.expand(tokens).view(-1, rows, columns, self.scale, self.scale, self.width)
        placed = parted.permute(0, 1, 3, 2, 4, 5).reshape(len(tokens), -1, self.width)
        enlarged: torch.Tensor = self.norm(placed)
        return enlarged


def _initialise(layer: nn.Module) -> None:
    """Glorot's uniform weights and no bias, as the authors' decoder has them; norms are so already."""
    if isinstance(layer, nn.Linear | nn.Conv2d):
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
