"""Kinds of tiles, found in the train part: a mixture of Gaussians, and what a bag looks like under it.

Enters: the bags of the train cases. Leaves: a `TileMixture` that turns any bag into a row of numbers: how
much of it is of each kind, and how its tiles of a kind differ from that kind. No outcome is used, but the
kinds are those of the train part's tiles alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from fuse.cases import Bags
from fuse.features.tile_order import canonical_order
from fuse.models.tile_scale import TileScale, fit_tile_scale

#: Tiles on which the mixture is fitted, the same number of each case, and the columns that are kept of them.
SAMPLE = 20_000
MAX_COLUMNS = 32
#: The likeliest of several starts goes on: a rare kind is met by chance, and the likelihood knows it.
STARTS, FIRST_ROUNDS, ROUNDS = 6, 10, 25
#: A kind is not narrower than this in units of the tiles' own spread, and a bag's mean of a kind is drawn
#: towards the kind's as if it had so many tiles more.
LEAST_VARIANCE = 0.01
SHRINKAGE = 1.0


@dataclass(frozen=True, kw_only=True)
class Gaussians:
    """A mixture of Gaussians with a variance for each column."""

    log_weight: Float[np.ndarray, " kind"]
    mean: Float[np.ndarray, "kind column"]
    variance: Float[np.ndarray, "kind column"]

    def log_densities(self, columns: Float[np.ndarray, "tile column"]) -> Float[np.ndarray, "tile kind"]:
        """Return the log weight times density of each kind at each tile, up to one constant."""
        constant = self.log_weight - 0.5 * (np.log(self.variance) + self.mean**2 / self.variance).sum(axis=1)
        slopes, squares = (self.mean / self.variance).T, 0.5 / self.variance.T
        return np.asarray(constant + columns @ slopes - columns**2 @ squares)

    def responsibilities(self, columns: Float[np.ndarray, "tile column"]) -> Float[np.ndarray, "tile kind"]:
        """Return how probable each kind is for each tile; rows sum to 1."""
        logit = self.log_densities(columns)
        shares = np.exp(logit - logit.max(axis=1, keepdims=True))
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))


@dataclass(frozen=True, kw_only=True)
class TileMixture:
    """Gaussians over standardised tiles times `components` (dim, column)."""

    scale: TileScale
    components: Float[np.ndarray, "dim column"]
    gaussians: Gaussians

    def describe(self, tiles: Float[np.ndarray, "tile dim"]) -> Float[np.ndarray, " value"]:
        """Return a bag as one row: the square root of each kind's share, then each kind's mean difference.

        The order of the tiles has no influence, not even on the last bit.
        """
        columns = _project(tiles[canonical_order(tiles)], self.scale, self.components)
        shares = self.gaussians.responsibilities(columns)
        count = shares.sum(axis=0)
        differences = (shares.T @ columns - count[:, None] * self.gaussians.mean) / (count + SHRINKAGE)[
            :, None
        ]
        return np.concatenate([np.sqrt(count / len(tiles)), differences.ravel()])

    def names(self) -> tuple[str, ...]:
        """Return what each number of `describe` is."""
        kinds, columns = self.gaussians.mean.shape
        shares = [f"share_of_kind_{kind}" for kind in range(kinds)]
        return (
            *shares,
            *(f"kind_{kind}_component_{column}" for kind in range(kinds) for column in range(columns)),
        )


def fit_tile_mixture(bags: Bags, kinds: int, seed: int) -> TileMixture:
    """Fit by expectation maximisation, the likeliest of several starts.

    Parameters
    ----------
    bags
        Of the train part, in canonical order; empty ones are passed over.
    kinds
        Number of Gaussians, fewer where there are fewer tiles.
    seed
        Which tiles are sampled and where the centres start follows from it.
    """
    generator = np.random.default_rng(seed)
    scale = fit_tile_scale(bags)
    rows = [bags.canonical(int(row)) for row in np.flatnonzero(bags.stop > bags.start)]
    each = max(1, SAMPLE // len(rows))
    sampled = [
        own if len(own) <= each else own[np.sort(generator.choice(len(own), each, replace=False))]
        for own in rows
    ]
    tiles = bags.tiles[np.concatenate(sampled)]
    components = _principal(_project(tiles, scale, np.eye(tiles.shape[1])))
    columns = _project(tiles, scale, components)
    starts = [_maximise(columns, _start(columns, kinds, generator), FIRST_ROUNDS) for _ in range(STARTS)]
    best = max(starts, key=lambda start: _log_likelihood(columns, start))
    return TileMixture(scale=scale, components=components, gaussians=_maximise(columns, best, ROUNDS))


def _start(
    columns: Float[np.ndarray, "tile column"], kinds: int, generator: np.random.Generator
) -> Gaussians:
    """Return equal Gaussians as wide as all tiles, around tiles that lie far apart (k-means++)."""
    mean = [columns[generator.integers(len(columns))]]
    nearest = np.full(len(columns), np.inf)
    for _ in range(min(kinds, len(columns)) - 1):
        nearest = np.minimum(nearest, ((columns - mean[-1]) ** 2).sum(axis=1))
        total = nearest.sum()
        mean.append(columns[generator.choice(len(columns), p=nearest / total if total > 0 else None)])
    spread = np.maximum(columns.var(axis=0), 1e-12)
    return Gaussians(
        log_weight=np.full(len(mean), -np.log(len(mean))),
        mean=np.array(mean),
        variance=np.tile(spread, (len(mean), 1)),
    )


def _maximise(columns: Float[np.ndarray, "tile column"], start: Gaussians, rounds: int) -> Gaussians:
    """Follow expectation maximisation (Dempster, Laird and Rubin 1977)."""
    least = LEAST_VARIANCE * np.maximum(columns.var(axis=0), 1e-12)
    squares, found = columns**2, start
    for _ in range(rounds):
        shares = found.responsibilities(columns)
        count = shares.sum(axis=0) + 1e-9
        mean = shares.T @ columns / count[:, None]
        found = Gaussians(
            log_weight=np.log(count / count.sum()),
            mean=mean,
            variance=np.maximum(shares.T @ squares / count[:, None] - mean**2, least),
        )
    return found


def _log_likelihood(columns: Float[np.ndarray, "tile column"], gaussians: Gaussians) -> float:
    return float(np.logaddexp.reduce(gaussians.log_densities(columns), axis=1).sum())


def _project(
    tiles: Float[np.ndarray, "tile dim"], scale: TileScale, components: Float[np.ndarray, "dim column"]
) -> Float[np.ndarray, "tile column"]:
    return np.asarray(((tiles - scale.mean) * scale.factor) @ components)


def _principal(tiles: Float[np.ndarray, "tile dim"]) -> Float[np.ndarray, "dim column"]:
    """Return the leading principal components, each with its largest entry positive."""
    values, vectors = np.linalg.eigh(tiles.T @ tiles)
    kept = vectors[:, np.argsort(-values, kind="stable")[:MAX_COLUMNS]]
    largest = kept[np.argmax(np.abs(kept), axis=0), np.arange(kept.shape[1])]
    return np.ascontiguousarray(kept * np.where(largest < 0, -1.0, 1.0))
