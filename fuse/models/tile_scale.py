"""Tiles standardised for networks, by means and spreads that the train part's tiles have.

Enters: the bags of the train cases, float16 or float32. Leaves: a `TileScale` that makes tensors of any
tiles, converted block by block: no copy of a whole bag in float32 is needed beside the tensor itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from feature_cache.errors import OutcomeError
from fuse.cases import Bags, Cases

if TYPE_CHECKING:
    import torch

#: Tiles that are converted at once: 2 MB of float32 at 512 columns, which stays in the processor's cache.
_BLOCK = 256

#: Tiles of one case that the scale looks at, evenly spaced over its bag: enough for a mean and a spread.
SCALE_TILES = 1024


@dataclass(frozen=True, kw_only=True)
class TileScale:
    """Standardisation of tiles, fitted on the tiles of the train cases; constant columns become 0."""

    mean: Float[np.ndarray, " dim"]
    factor: Float[np.ndarray, " dim"]

    def apply(self, tiles: Float[np.ndarray, "tile dim"], dtype: torch.dtype | None = None) -> torch.Tensor:
        """Return standardised tiles as a tensor, float32 unless `dtype` says otherwise."""
        import torch

        mean, factor = (torch.from_numpy(part.astype(np.float32)) for part in (self.mean, self.factor))
        scaled = torch.empty(tiles.shape, dtype=dtype or torch.float32)
        for start in range(0, len(tiles), _BLOCK):
            own = tiles[start : start + _BLOCK]
            # torch converts half precision five times as fast as numpy, but takes no read-only memory
            block = torch.from_numpy(own if own.flags.writeable else own.copy()).to(torch.float32, copy=True)
            scaled[start : start + _BLOCK] = block.sub_(mean).mul_(factor)
        return scaled


def fit_tile_scale(bags: Bags) -> TileScale:
    """Fit the standardisation, each tile alike, one bag in memory at a time.

    Of a bag of more than `SCALE_TILES` tiles every k-th is looked at, and each stands for k.
    """
    total, count = np.zeros(bags.tiles.shape[1]), 0
    for row in range(len(bags.start)):
        tiles, size = _spaced(bags, row)
        if size:
            total += tiles.mean(axis=0, dtype=np.float64) * size
            count += size
    mean = total / count
    squares = np.zeros_like(mean)
    for row in range(len(bags.start)):
        tiles, size = _spaced(bags, row)
        if size:
            squares += ((tiles - mean) ** 2).mean(axis=0) * size
    sd = np.sqrt(squares / count)
    usable = sd > 1e-6 * np.maximum(np.abs(mean), 1e-3)
    return TileScale(mean=mean, factor=np.where(usable, 1.0 / np.where(usable, sd, 1.0), 0.0))


def _spaced(bags: Bags, row: int) -> tuple[Float[np.ndarray, "tile dim"], int]:
    """Return some tiles of a case, evenly spaced, and how many it has."""
    rows = bags.canonical(row)
    step = -(-len(rows) // SCALE_TILES)
    return bags.tiles[rows[:: max(1, step)]], len(rows)


def bags_of(cases: Cases, modality: str, model: str) -> Bags:
    """Return the bags of a modality, empty where it is absent (`OutcomeError` where it has values only)."""
    bags, present = cases.modalities[modality].bags, cases.modalities[modality].present
    if bags is None:
        raise OutcomeError(
            f"model {model} on {modality}",
            expected="a modality with bags of tiles",
            got="one row of values for each case",
            remedy="Use a model that reads values (ridge_cox, xgboost_cox) for it.",
        )
    return replace(bags, stop=np.where(present, bags.stop, bags.start))
