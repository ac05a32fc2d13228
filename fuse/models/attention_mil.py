"""Attention-MIL on the tiles of slides, trained by the Cox partial likelihood of many cases at once.

Enters: the bags of one modality. Leaves: a log relative hazard of each case, the attention of its tiles and
what each of them contributes. Epochs are chosen on inner folds; the fold that is reported is never seen.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from feature_cache.errors import OutcomeError
from fuse.cases import Bags, Cases
from fuse.losses import negative_log_partial_likelihood
from fuse.models.card import ModelCard
from fuse.models.learner import Learner, NullScorer, Scorer, Setting, is_learnable, spread
from fuse.outcomes import Survival
from fuse.training import one_thread, reproducible

if TYPE_CHECKING:
    import torch

    from fuse.models.attention_network import GatedAttention

#: Epochs to choose from; one training run passes through all of them.
EPOCHS = (10, 20, 40)
HIDDEN = 64
DROPOUT = 0.25
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 1e-2

#: What one training step looks at; scoring looks at every tile.
CASES_PER_STEP = 256
TILES_PER_CASE = 256


@dataclass(frozen=True, kw_only=True)
class TileScale:
    """Standardisation of tiles, fitted on the tiles of the train cases; constant columns become 0."""

    mean: Float[np.ndarray, " dim"]
    factor: Float[np.ndarray, " dim"]

    def apply(self, tiles: Float[np.ndarray, "tile dim"]) -> torch.Tensor:
        """Return standardised tiles as a float32 tensor."""
        import torch

        centred = np.asarray(tiles, dtype=np.float32) - self.mean.astype(np.float32)
        return torch.from_numpy(centred * self.factor.astype(np.float32))


@dataclass(frozen=True, kw_only=True)
class AttentionScorer:
    """A trained network with the standardisation of its tiles, centred on the train part."""

    modality: str
    network: GatedAttention
    scale: TileScale
    mean: float

    def risk(self, cases: Cases) -> Float[np.ndarray, " case"]:
        """Return the log relative hazard; 0.0 for cases without tiles. Each bag is scored alone."""
        bags = bags_of(cases, self.modality)
        present = bags.stop > bags.start
        with one_thread():
            parts = [self._parts(cases, int(row)) for row in np.flatnonzero(present)]
        risks = np.array([np.sum(attention * (said - self.mean)) for attention, said in parts])
        return spread(risks, present)

    def attention(self, cases: Cases, row: int) -> Float[np.ndarray, " tile"]:
        """Return the attention of the tiles of case `row`, in the order of its bag; it sums to 1."""
        with one_thread():
            return self._parts(cases, row)[0]

    def contributions(self, cases: Cases, row: int) -> Float[np.ndarray, " tile"]:
        """Return what each tile of case `row` adds to its risk; the sum is the case's risk."""
        with one_thread():
            attention, said = self._parts(cases, row)
        return attention * (said - self.mean)

    def _parts(self, cases: Cases, row: int) -> tuple[Float[np.ndarray, " tile"], Float[np.ndarray, " tile"]]:
        import torch

        bags = bags_of(cases, self.modality)
        tiles = bags.tiles[int(bags.start[row]) : int(bags.stop[row])]
        if not len(tiles):
            return np.empty(0), np.empty(0)
        with torch.no_grad():
            attention, said = self.network.parts_of_one(self.scale.apply(tiles))
        return attention.numpy().astype(np.float64), said.numpy().astype(np.float64)


class AttentionMil(Learner):
    """Gated attention-MIL with a Cox head on one modality."""

    name = "attention_mil"

    def __init__(self, modalities: tuple[str, ...]) -> None:
        self.modalities = modalities

    def candidates(self) -> tuple[Setting, ...]:
        """Return the numbers of epochs, the fewest first."""
        return tuple(Setting((("epochs", float(epochs)),)) for epochs in EPOCHS)

    def fit_path(
        self, cases: Cases, outcome: Survival, settings: tuple[Setting, ...], seed: int
    ) -> tuple[Scorer, ...]:
        """Train once up to the largest number of epochs on the cases that have tiles."""
        bags = bags_of(cases, self.modalities[0])
        rows = np.flatnonzero(bags.stop > bags.start)
        seen = outcome.take(rows)
        if not is_learnable(seen):
            return tuple(NullScorer() for _ in settings)
        scale = fit_tile_scale(bags.take(rows))
        epochs = tuple(int(setting["epochs"]) for setting in settings)
        networks = train_networks(bags.take(rows), seen, scale, epochs, seed)
        train = cases.take(rows)
        return tuple(self._centred(networks[count], scale, train) for count in epochs)

    def _centred(self, network: GatedAttention, scale: TileScale, train: Cases) -> AttentionScorer:
        plain = AttentionScorer(modality=self.modalities[0], network=network, scale=scale, mean=0.0)
        mean = float(plain.risk(train).mean())
        return AttentionScorer(modality=self.modalities[0], network=network, scale=scale, mean=mean)


def bags_of(cases: Cases, modality: str) -> Bags:
    """Return the bags of a modality (`OutcomeError` where it has values only)."""
    bags = cases.modalities[modality].bags
    if bags is None:
        raise OutcomeError(
            f"model attention_mil on {modality}",
            expected="a modality with bags of tiles",
            got="one row of values for each case",
            remedy="Use a model that reads values (ridge_cox, xgboost_cox) for it.",
        )
    return bags


def fit_tile_scale(bags: Bags) -> TileScale:
    """Fit the standardisation on all tiles of the bags, one bag in memory at a time."""
    ranges = [(int(start), int(stop)) for start, stop in zip(bags.start, bags.stop, strict=True)]
    count = sum(stop - start for start, stop in ranges)
    total = sum(bags.tiles[start:stop].sum(axis=0, dtype=np.float64) for start, stop in ranges)
    mean = np.asarray(total) / count
    squares = sum(((bags.tiles[start:stop] - mean) ** 2).sum(axis=0) for start, stop in ranges)
    sd = np.sqrt(np.asarray(squares) / count)
    usable = sd > 1e-6 * np.maximum(np.abs(mean), 1e-3)
    return TileScale(mean=mean, factor=np.where(usable, 1.0 / np.where(usable, sd, 1.0), 0.0))


def train_networks(
    bags: Bags, outcome: Survival, scale: TileScale, epochs: tuple[int, ...], seed: int
) -> dict[int, GatedAttention]:
    """Train up to the largest of `epochs` and return the network as it was after each of them."""
    import torch

    from fuse.models.attention_network import GatedAttention

    generator = np.random.default_rng(seed)
    kept: dict[int, GatedAttention] = {}
    with reproducible(seed):
        network = GatedAttention(dim=bags.tiles.shape[1], hidden=HIDDEN, dropout=DROPOUT)
        optimiser = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        for epoch in range(1, max(epochs) + 1):
            for rows in _batches(outcome, generator):
                tiles, bag = _packed(bags, rows, generator)
                risk = network(scale.apply(tiles), torch.from_numpy(bag), len(rows))
                loss = negative_log_partial_likelihood(risk, outcome.event[rows], outcome.time_days[rows])
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
                optimiser.step()
            if epoch in epochs:
                kept[epoch] = copy.deepcopy(network).eval()
    return kept


def _batches(outcome: Survival, generator: np.random.Generator) -> list[Int[np.ndarray, " k"]]:
    """Return the cases of each step of an epoch; a step without an event would teach nothing."""
    steps = -(-len(outcome) // CASES_PER_STEP)
    parts = (
        np.array_split(generator.permutation(len(outcome)), steps) if steps > 1 else [np.arange(len(outcome))]
    )
    return [rows for rows in parts if outcome.event[rows].any()]


def _packed(
    bags: Bags, rows: Int[np.ndarray, " k"], generator: np.random.Generator
) -> tuple[Float[np.ndarray, "tile dim"], Int[np.ndarray, " tile"]]:
    """Return tiles of some cases and which case each is of; of large bags a random sample."""
    picked = []
    for row in rows:
        tiles = np.arange(int(bags.start[row]), int(bags.stop[row]))
        if len(tiles) > TILES_PER_CASE:
            tiles = np.sort(generator.choice(tiles, TILES_PER_CASE, replace=False))
        picked.append(tiles)
    bag = np.repeat(np.arange(len(rows)), [len(tiles) for tiles in picked])
    return bags.tiles[np.concatenate(picked)], bag


CARD = ModelCard(
    name="attention_mil",
    title="Attention-MIL on tiles, Cox loss",
    reads="tiles",
    modalities="one",
    needs=("torch",),
    source="Ilse, Tomczak, Welling 2018, arXiv 1802.04712, equation 9 (gated)",
    build=lambda modalities, options: AttentionMil(modalities),
)
