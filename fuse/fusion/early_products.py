"""Early fusion with products: the columns of all modalities, and each column of one times each of another.

Enters: the values of several modalities. Leaves: a log relative hazard in which a modality may change what
another one means, in one convex fit. Products of all pairs would be thousands of columns; the ridge penalty
makes them a kernel (Saunders, Gammerman, Vovk 1998), with never more columns than cases. An absent
modality and all its products add exactly 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float, Int

from fuse.cases import Cases, Modality
from fuse.fusion.early import Block
from fuse.models.card import ModelCard
from fuse.models.design import design_of, filled_rows
from fuse.models.learner import Learner, NullScorer, Scorer, Setting, is_learnable
from fuse.models.newton_cox import ridge_cox_path
from fuse.models.ridge_cox import price
from fuse.outcomes.outcomes import Survival

#: Penalties of ridge Cox, the strongest first, without products and then with products of these scales; the
#: weak ones have the price that they have in `ridge_cox`.
ALPHAS = (256.0, 64.0, 16.0, 4.0, 1.0)
SCALES = (0.0, 2.0, 4.0)

#: Cases that span the products (of more, evenly spaced ones: Williams and Seeger 2001), and columns that are
#: kept of them at most.
MOST_LANDMARKS, MOST_COMPONENTS = 1000, 256


@dataclass(frozen=True, kw_only=True)
class Pair:
    """The products of two blocks, the wider one first.

    `weights` (filled, filled): of each product. `centre`: what they add up to in the mean of the train cases
    that have both.
    """

    first: int
    second: int
    weights: Float[np.ndarray, "filled filled"]
    centre: float

    def weighted(
        self, first: Float[np.ndarray, "case filled"], second: Float[np.ndarray, "case filled"]
    ) -> Float[np.ndarray, " case"]:
        """Return the weighted sum of the products of each case, whoever else is scored.

        Row by row, with no matrix product: that sums the rows of a batch in another order than one row alone.
        """
        total, products = np.zeros(len(first)), np.empty_like(first)
        for column, weights in zip(second.T, np.ascontiguousarray(self.weights.T), strict=True):
            total += column * np.sum(np.multiply(first, weights, out=products), axis=1)
        return total - self.centre


@dataclass(frozen=True, kw_only=True)
class ProductScorer:
    """Weighted sums of columns and of products."""

    blocks: tuple[Block, ...]
    weights: tuple[Float[np.ndarray, " filled"], ...]
    pairs: tuple[Pair, ...]

    def risk(self, cases: Cases) -> Float[np.ndarray, " case"]:
        """Return the log relative hazard; the stored values of an absent modality are never read."""
        return np.asarray(np.sum(list(self.contributions(cases).values()), axis=0))

    def contributions(self, cases: Cases) -> dict[str, Float[np.ndarray, " case"]]:
        """Return what each modality adds; half of a product goes to each of its two."""
        several = [cases.modalities[block.modality] for block in self.blocks]
        filled = [_filled(block, modality) for block, modality in zip(self.blocks, several, strict=True)]
        parts = [np.sum(f * weights, axis=1) for f, weights in zip(filled, self.weights, strict=True)]
        for pair in self.pairs:
            both = several[pair.first].present & several[pair.second].present
            half = np.where(both, pair.weighted(filled[pair.first], filled[pair.second]) / 2, 0.0)
            parts[pair.first] = parts[pair.first] + half
            parts[pair.second] = parts[pair.second] + half
        return {block.modality: part for block, part in zip(self.blocks, parts, strict=True)}


def _filled(block: Block, modality: Modality) -> Float[np.ndarray, "case filled"]:
    """Return the imputed and scaled columns of a block; rows without the modality are 0."""
    filled = filled_rows(block.design, modality)
    if modality.present.all():
        return filled
    rows = np.zeros((len(modality.present), filled.shape[1]))
    rows[modality.present] = filled
    return rows


class EarlyProducts(Learner):
    """Ridge Cox regression on columns and products of columns of different modalities."""

    name = "early_products"
    averages = True

    def __init__(self, modalities: tuple[str, ...], missing_indicators: bool = False) -> None:
        self.modalities = modalities
        self.missing_indicators = missing_indicators

    def candidates(self) -> tuple[Setting, ...]:
        """Return penalties without products, then with them, the strongest first."""
        return tuple(Setting((("alpha", alpha), ("products", scale))) for scale in SCALES for alpha in ALPHAS)

    def shares(self, gains: Sequence[float]) -> Float[np.ndarray, " setting"]:
        """Return how much each setting counts: what it gains, less the price of its penalty."""
        prices = [price(setting["alpha"]) for setting in self.candidates()]
        return super().shares([gain - cost for gain, cost in zip(gains, prices, strict=True)])

    def fit_path(
        self, cases: Cases, outcome: Survival, settings: tuple[Setting, ...], seed: int
    ) -> tuple[Scorer, ...]:
        """Fit on all cases, whatever they lack; what penalties share is done once for each scale."""
        if not is_learnable(outcome):
            return tuple(NullScorer() for _ in settings)
        table = _Table.of(self.modalities, cases, self.missing_indicators)
        bases = {scale: table.basis(scale) for scale in {setting["products"] for setting in settings}}
        scorers = []
        for setting in settings:
            basis, back = bases[setting["products"]]
            found = ridge_cox_path(basis, outcome, (setting["alpha"],))[0]
            scorers.append(table.scorer(back @ found, setting["products"]))
        return tuple(scorers)


@dataclass(frozen=True, kw_only=True)
class _Table:
    """The train part: blocks, their columns, for each pair of them the rows that have both, and landmarks."""

    blocks: tuple[Block, ...]
    columns: tuple[Float[np.ndarray, "case column"], ...]
    both: dict[tuple[int, int], Int[np.ndarray, " shared"]]
    landmarks: Int[np.ndarray, " landmark"]

    @classmethod
    def of(cls, names: tuple[str, ...], cases: Cases, missing_indicators: bool) -> _Table:
        several = [cases.modalities[name] for name in names]
        blocks = tuple(Block(modality=m.name, design=design_of(m, missing_indicators)) for m in several)
        shared = [
            ((i, j), np.flatnonzero(several[i].present & several[j].present))
            for i, j in combinations(range(len(several)), 2)
        ]
        return cls(
            blocks=blocks,
            columns=tuple(block.matrix(m) for block, m in zip(blocks, several, strict=True)),
            both={pair: rows for pair, rows in shared if len(rows)},
            landmarks=np.linspace(0, len(cases) - 1, min(len(cases), MOST_LANDMARKS)).astype(np.intp),
        )

    def basis(
        self, scale: float
    ) -> tuple[Float[np.ndarray, "case kept"], Float[np.ndarray, "landmark kept"]]:
        """Return the leading columns of inner products of all columns and products, and the way back.

        The way back turns coefficients of these columns into a weight of each landmark, of which `scorer`
        makes weights of columns and products (the representer theorem).
        """
        marks = self.landmarks
        kernel = sum(columns @ columns[marks].T for columns in self.columns)
        for (i, j), rows in self.both.items() if scale else ():
            own, place = self._marks_of(rows)
            shared = (self.columns[i][rows] @ self.columns[i][own].T) * (
                self.columns[j][rows] @ self.columns[j][own].T
            )
            shared = shared - shared[np.isin(rows, own)].mean(axis=0)
            kernel[np.ix_(rows, place)] += scale**2 * (shared - shared.mean(axis=1, keepdims=True))
        size, vectors = np.linalg.eigh((kernel[marks] + kernel[marks].T) / 2)
        order = np.arange(len(size))[::-1][:MOST_COMPONENTS]
        kept = order[size[order] > 1e-9 * max(float(size[-1]), 1e-300)]
        back = vectors[:, kept] / np.sqrt(size[kept])
        return np.ascontiguousarray(kernel @ back), back

    def scorer(self, mark_weights: Float[np.ndarray, " landmark"], scale: float) -> ProductScorer:
        """Return the scorer with weights of columns and products."""
        pairs = []
        for (i, j), rows in self.both.items() if scale else ():
            own, place = self._marks_of(rows)
            centred = mark_weights[place] - mark_weights[place].mean()
            weights = scale**2 * (self.columns[i][own] * centred[:, None]).T @ self.columns[j][own]
            said = np.sum((self.columns[i][rows] @ weights) * self.columns[j][rows], axis=1)
            pairs.append(self._pair((i, j), weights, float(said.mean())))
        weights_alone = tuple(
            block.design.column_weights(columns[self.landmarks].T @ mark_weights)
            for block, columns in zip(self.blocks, self.columns, strict=True)
        )
        return ProductScorer(blocks=self.blocks, weights=weights_alone, pairs=tuple(pairs))

    def _marks_of(
        self, rows: Int[np.ndarray, " shared"]
    ) -> tuple[Int[np.ndarray, " own"], Int[np.ndarray, " own"]]:
        """Return the landmarks among some rows, and their places among all landmarks."""
        place = np.flatnonzero(np.isin(self.landmarks, rows))
        return self.landmarks[place], place

    def _pair(
        self, places: tuple[int, int], weights: Float[np.ndarray, "column column"], centre: float
    ) -> Pair:
        """Return the pair with weights of what the columns were made of."""
        i, j = places
        one, other = self.blocks[i].design, self.blocks[j].design
        halfway = np.stack([one.column_weights(column) for column in weights.T], axis=1)
        of_filled = np.stack([other.column_weights(row) for row in halfway])
        if of_filled.shape[0] < of_filled.shape[1]:
            i, j, of_filled = j, i, of_filled.T
        return Pair(first=i, second=j, weights=of_filled, centre=centre)


CARD = ModelCard(
    name="early_products",
    title="Early fusion with products (ridge Cox)",
    reads="values",
    modalities="several",
    needs=(),
    source="Cox 1972 with all products of columns of two modalities, as a kernel (Saunders et al. 1998)",
    options=("missing_indicators",),
    build=lambda modalities, options: EarlyProducts(
        modalities, bool(options.get("missing_indicators", False))
    ),
    late_entry=True,
)
