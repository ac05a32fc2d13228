"""What three modalities show of latents: clinical values, omics columns, bags of tiles.

Enters: standard normal latents, one a modality, and a generator. Leaves: the arrays as a cache would hold
them, and `Cases` made of them the way `fuse/features/table.py` makes them from a cache.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from fuse.cases import Bags, Cases, Modality

CLINICAL, OMICS, SLIDES = "clinical", "omics", "slides"

#: Clinical variables: name, unit, mean, standard deviation. The first three show the clinical latent, the
#: next two the second one (`context`), the others nothing.
VARIABLES = (
    ("psa", "ug/L", 9.0, 2.0),
    ("volume", "mL", 42.0, 11.0),
    ("grade", "1", 3.0, 1.0),
    ("crp", "mg/L", 6.0, 1.5),
    ("albumin", "g/L", 41.0, 4.0),
    ("age", "a", 66.0, 7.0),
    ("bmi", "kg/m2", 26.0, 3.5),
    ("haemoglobin", "g/dL", 13.5, 1.4),
)
CLINICAL_LOADING, CONTEXT_LOADING, UNOBSERVED = 0.75, 0.9, 0.05

#: Columns of the omics table, and how many of them its latent moves. Two more latents that no hazard knows
#: (a batch, a programme of growth) move half of the columns each: what varies most is not what matters.
COLUMNS, MOVED, OMICS_LOADING, NUISANCES = 60, 12, 0.5, 2

DIM = 16
TILE_PX0 = 224


@dataclass(frozen=True, kw_only=True)
class Tiles:
    """How bags look: between `fewest` and `most` tiles, all of them or a share `informative`.

    Where all inform, the latent moves every tile along one direction. Where few do, those few stand out along
    that direction whatever the latent, and it moves them along another. `stain` is the standard deviation of
    what all tiles of a case share and no hazard knows.
    """

    fewest: int = 20
    most: int = 40
    informative: float = 1.0
    stain: float = 0.45
    stands_out: float = 4.0
    slope: float = 1.5


@dataclass(frozen=True, kw_only=True)
class Readings:
    """What was measured of all cases. `start`, `stop` (case,): rows of `tiles`; `informs` (tile,)."""

    clinical: Float[np.ndarray, "case variable"]
    omics: Float[np.ndarray, "case column"]
    tiles: Float[np.ndarray, "tile dim"]
    informs: Bool[np.ndarray, " tile"]
    start: Int[np.ndarray, " case"]
    stop: Int[np.ndarray, " case"]

    def cases(self, ids: Sequence[str], there: Mapping[str, Bool[np.ndarray, " case"]]) -> Cases:
        """Return the cases; those that are not `there` lack the modality."""
        modalities = (
            _table(CLINICAL, tuple(name for name, *_ in VARIABLES), self.clinical),
            _table(OMICS, column_names(), self.omics),
            Modality(
                name=SLIDES,
                feature_set="planted",
                present=self.stop > self.start,
                columns=tuple(f"{SLIDES}_{number}" for number in range(DIM)),
                values=self.bag_means(np.ones(len(self.tiles), dtype=np.bool_)),
                scale_columns=False,
                bags=Bags(tiles=self.tiles, start=self.start, stop=self.stop),
            ),
        )
        return Cases(
            case_ids=tuple(ids),
            modalities={
                modality.name: _without(modality, there.get(modality.name)) for modality in modalities
            },
        )

    @cached_property
    def informing_means(self) -> Float[np.ndarray, "case dim"]:
        """The mean of the tiles that inform, of each case."""
        return self.bag_means(self.informs)

    def bag_means(self, which: Bool[np.ndarray, " tile"]) -> Float[np.ndarray, "case dim"]:
        """Return the mean of some tiles of each case, float64."""
        return np.array(
            [
                self.tiles[a:b][which[a:b]].mean(axis=0, dtype=np.float64)
                for a, b in zip(self.start, self.stop, strict=True)
            ]
        )


def column_names() -> tuple[str, ...]:
    """Return the names of the omics columns."""
    return tuple(f"gene{number:02d}" for number in range(COLUMNS))


def read_latents(
    latents: Mapping[str, Float[np.ndarray, " case"]], tiles: Tiles, rng: np.random.Generator
) -> Readings:
    """Measure all cases."""
    clinical = _clinical(latents[CLINICAL], latents["context"], rng)
    omics = _omics(latents[OMICS], rng)
    return Readings(clinical=clinical, omics=omics, **_bags(latents[SLIDES], tiles, rng))


def _clinical(
    latent: Float[np.ndarray, " case"], context: Float[np.ndarray, " case"], rng: np.random.Generator
) -> Float[np.ndarray, "case variable"]:
    shown = np.zeros((len(latent), len(VARIABLES)))
    loading = np.zeros(len(VARIABLES))
    shown[:, :3], loading[:3] = latent[:, None], CLINICAL_LOADING
    shown[:, 3:5], loading[3:5] = context[:, None], CONTEXT_LOADING
    values = loading * shown + np.sqrt(1 - loading**2) * rng.standard_normal(shown.shape)
    mean, sd = (np.array([variable[place] for variable in VARIABLES]) for place in (2, 3))
    values = values * sd + mean
    values[rng.random(values.shape) < UNOBSERVED] = np.nan
    return values


def _omics(latent: Float[np.ndarray, " case"], rng: np.random.Generator) -> Float[np.ndarray, "case column"]:
    values = rng.standard_normal((len(latent), COLUMNS))
    values[:, :MOVED] = OMICS_LOADING * latent[:, None] + np.sqrt(1 - OMICS_LOADING**2) * values[:, :MOVED]
    nuisances = rng.standard_normal((len(latent), NUISANCES))
    # columns 0, 2, 4, … move with one nuisance, 0, 3, 6, … and their like with the other
    for number in range(NUISANCES):
        values[:, :: number + 2] += OMICS_LOADING * nuisances[:, [number]]
    return values


def _bags(
    latent: Float[np.ndarray, " case"], tiles: Tiles, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    sizes = rng.integers(tiles.fewest, tiles.most + 1, size=len(latent))
    stop = np.cumsum(sizes)
    owner = np.repeat(np.arange(len(latent)), sizes)
    packed = rng.standard_normal((stop[-1], DIM), dtype=np.float32)
    packed += (tiles.stain * rng.standard_normal((len(latent), DIM))).astype(np.float32)[owner]
    first, second = directions()
    informs = np.ones(stop[-1], dtype=np.bool_)
    if tiles.informative == 1.0:
        packed += latent.astype(np.float32)[owner, None] * first
    else:
        informs = _few(sizes, tiles.informative, rng)
        level = tiles.slope * latent.astype(np.float32)[owner[informs], None]
        packed[informs] += np.float32(tiles.stands_out) * first + level * second
    return {"tiles": packed, "informs": informs, "start": stop - sizes, "stop": stop}


def _few(
    sizes: Int[np.ndarray, " case"], share: float, rng: np.random.Generator
) -> Bool[np.ndarray, " tile"]:
    """Return which tiles inform: this share of each bag, rounded at random, one at least."""
    stop = np.cumsum(sizes)
    informs = np.zeros(stop[-1], dtype=np.bool_)
    count = np.maximum(1, np.floor(share * sizes + rng.random(len(sizes)))).astype(np.int64)
    for start, size, few in zip(stop - sizes, sizes, count, strict=True):
        informs[start + rng.choice(size, size=few, replace=False)] = True
    return informs


def directions() -> Float[np.ndarray, "2 dim"]:
    """Return two directions at right angles, float32, length 1, that no axis has alone."""
    drawn = np.random.default_rng(3).standard_normal((DIM, 2))
    return np.ascontiguousarray(np.linalg.qr(drawn)[0].T.astype(np.float32))


def _table(name: str, columns: tuple[str, ...], values: Float[np.ndarray, "case column"]) -> Modality:
    return Modality(
        name=name,
        feature_set="planted",
        present=np.isfinite(values).any(axis=1),
        columns=columns,
        values=values,
    )


def _without(modality: Modality, there: Bool[np.ndarray, " case"] | None) -> Modality:
    if there is None or there.all():
        return modality
    if modality.bags is not None:
        raise ValueError(f"{modality.name}: only tables can be lacking here")
    return Modality(
        name=modality.name,
        feature_set=modality.feature_set,
        present=modality.present & there,
        columns=modality.columns,
        values=np.where(there[:, None], modality.values, np.nan),
        scale_columns=modality.scale_columns,
    )
