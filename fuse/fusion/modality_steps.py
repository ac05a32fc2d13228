"""What a network of modalities is given: of some cases of a training step, or of one case to score.

Enters: columns and bags of the train part, the cases of a step, who keeps which modality in it; or one case.
Leaves: tensors. A step sees a sample of large bags; scoring sees every tile, in an order that no file
decides, so that permuting the tiles of a bag changes no bit of a risk.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Int

from fuse.cases import Bags, Cases
from fuse.fusion.fusion_rule import TileTokens
from fuse.fusion.modality_columns import ColumnMaker, Columns
from fuse.fusion.modality_network import NetworkInput
from fuse.models.aggregators.packing import Packing
from fuse.models.bag_steps import draw_tiles
from fuse.models.tile_scale import TileScale

#: Tiles of a case that a training step looks at; 0 for all.
TILES_PER_CASE = 128


def of_step(
    maker: ColumnMaker,
    columns: Columns,
    rows: Int[np.ndarray, " k"],
    kept: Bool[np.ndarray, "k modality"],
    generator: np.random.Generator,
) -> NetworkInput:
    """Return cases `rows` of the train part with the modalities that they keep; bags are sampled."""
    return _given(maker, columns.take(rows), kept, (TILES_PER_CASE, generator))


def of_one(maker: ColumnMaker, cases: Cases, row: int) -> NetworkInput:
    """Return one case with all that it has."""
    columns = maker.columns(cases.take(np.array([row])))
    return _given(maker, columns, columns.present, (0, np.random.default_rng(0)))


def drop_modalities(
    present: Bool[np.ndarray, "case modality"], share: float, generator: np.random.Generator
) -> Bool[np.ndarray, "case modality"]:
    """Drop each present modality with probability `share`; who would lose all keeps one at random."""
    drawn = np.where(present, generator.random(present.shape), -1.0)
    kept = drawn >= share
    highest = drawn.argmax(axis=1)[:, None] == np.arange(present.shape[1])
    return np.asarray(present & (kept | (highest & ~kept.any(axis=1, keepdims=True))))


def _given(
    maker: ColumnMaker,
    columns: Columns,
    kept: Bool[np.ndarray, "case modality"],
    draw: tuple[int, np.random.Generator],
) -> NetworkInput:
    tiles = {}
    for place, bags in columns.bags.items():
        rows = np.flatnonzero(kept[:, place])
        if len(rows):
            tiles[place] = _tiles(bags, rows, maker.scales[maker.modalities[place]], draw)
    # an absent modality's columns are 0 already; one that is dropped is masked by the network
    return NetworkInput(
        columns=tuple(torch.from_numpy(values) for values in columns.values),
        present=torch.from_numpy(kept),
        tiles=tiles,
    )


def _tiles(
    bags: Bags, rows: Int[np.ndarray, " k"], scale: TileScale, draw: tuple[int, np.random.Generator]
) -> TileTokens:
    drawn = draw_tiles(bags, rows, *draw)
    return TileTokens(
        values=scale.apply(bags.tiles[np.concatenate(drawn)]),
        packing=Packing(sizes=tuple(len(tiles) for tiles in drawn)),
        rows=torch.from_numpy(rows),
    )
