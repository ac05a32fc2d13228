"""Taking modalities away from cases of a simulated cohort, and leaving something where they were."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fuse.cases import Cases, Modality


def mask(cases: Cases, name: str, rows: np.ndarray, poison: float) -> Cases:
    """Take a modality away from some cases, and leave numbers and tiles of this size where it was."""
    modality = cases.modalities[name]
    present, values = modality.present.copy(), modality.values.copy()
    present[rows] = False
    values[rows] = poison
    masked = replace(modality, present=present, values=values)
    if modality.bags is not None:
        tiles = modality.bags.tiles.copy()
        for row in rows:
            tiles[modality.bags.start[row] : modality.bags.stop[row]] = poison
        masked = replace(masked, bags=replace(modality.bags, tiles=tiles))
    return with_modality(cases, masked)


def with_modality(cases: Cases, modality: Modality) -> Cases:
    """Return the cases with one modality more, or another one of this name."""
    return replace(cases, modalities={**cases.modalities, modality.name: modality})


def shuffled_tiles(cases: Cases, name: str, seed: int) -> Cases:
    """Permute the tiles of every bag."""
    modality = cases.modalities[name]
    rng, bags = np.random.default_rng(seed), modality.bags
    tiles = bags.tiles.copy()
    for start, stop in zip(bags.start, bags.stop, strict=True):
        tiles[start:stop] = rng.permutation(tiles[start:stop])
    return with_modality(cases, replace(modality, bags=replace(bags, tiles=tiles)))


def notes(n: int, present: np.ndarray, seed: int = 5) -> Modality:
    """Make a third modality that says nothing."""
    values = np.random.default_rng(seed).normal(size=(n, 4))
    return Modality(
        name="notes",
        feature_set="made",
        present=present,
        columns=tuple(f"w{column}" for column in range(4)),
        values=np.where(present[:, None], values, np.nan),
    )
