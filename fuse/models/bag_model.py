"""The learner of all models on bags: tiles scaled, a network with an aggregator, and any head.

Enters: the bags of one modality. Leaves: a scorer of cases, the attention of their tiles and, where the
aggregator and the head allow it, what each tile contributes. Epochs are chosen on inner folds; the fold that
is reported is never seen. Which aggregator it is says the card of a model (`attention_mil.py` and others).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int

from feature_cache.errors import OutcomeError
from fuse.cases import Bags, Cases
from fuse.models.bag_scorer import BagScorer
from fuse.models.bag_steps import cases_per_step, draw_tiles, pack_bags_together
from fuse.models.card import Options
from fuse.models.heads.head import Head
from fuse.models.heads.registry import HEAD_OPTION, make_head
from fuse.models.learner import Learner, Scorer, Setting, is_learnable, null_scorer
from fuse.models.tile_scale import TileScale, bags_of, fit_tile_scale
from fuse.outcomes.outcomes import Outcome
from fuse.training import Schedule, train_path

if TYPE_CHECKING:
    import torch

    from fuse.models.aggregators.aggregator import Aggregator
    from fuse.models.aggregators.packing import Packing
    from fuse.models.bag_network import BagNetwork

#: What a protocol may set on every bag model.
BAG_OPTIONS = (HEAD_OPTION, "tiles_per_case", "precision")
PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True, kw_only=True)
class BagShape:
    """The sizes of a bag model and how it is trained.

    `tiles_per_case`: what a training step sees of a bag, 0 for all; scoring sees every tile. `precision` is
    that of training's matrix products; scoring is always float32. A step takes `cases_per_step` at most: on
    300 planted cases, two tiles in a hundred informative, steps of 64 get as far in 20 to 40 epochs as one
    step of all 300 in 80.
    """

    hidden: int = 64
    dropout: float = 0.5
    epochs: tuple[int, ...] = (10, 20, 40)
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    cases_per_step: int = 64
    tiles_per_case: int = 256
    precision: str = "float32"
    head: str = "auto"

    def with_options(self, options: Options, model: str) -> BagShape:
        """Return the shape with what a protocol sets (`OutcomeError` where a value is not one)."""
        tiles = options.get("tiles_per_case", self.tiles_per_case)
        if isinstance(tiles, bool) or not isinstance(tiles, int | float) or tiles < 0 or tiles != int(tiles):
            raise _bad_option(model, "tiles_per_case: 0 (all tiles) or a number of tiles", str(tiles))
        precision = str(options.get("precision", self.precision))
        if precision not in PRECISIONS:
            raise _bad_option(model, f"precision: {' or '.join(PRECISIONS)}", precision)
        head = str(options.get(HEAD_OPTION, self.head))
        return BagShape(**{**vars(self), "tiles_per_case": int(tiles), "precision": precision, "head": head})


@dataclass(frozen=True, kw_only=True)
class BagLearner(Learner):
    """A bag model on one modality; `aggregate` makes the aggregator for a shape and a head."""

    name: str
    modalities: tuple[str, ...]
    aggregate: Callable[[BagShape, Head], Aggregator]
    shape: BagShape = field(default_factory=BagShape)

    def candidates(self) -> tuple[Setting, ...]:
        """Return the numbers of epochs, the fewest first."""
        return tuple(Setting((("epochs", float(epochs)),)) for epochs in self.shape.epochs)

    def fit_path(
        self, cases: Cases, outcome: Outcome, settings: tuple[Setting, ...], seed: int
    ) -> tuple[Scorer, ...]:
        """Train once up to the largest number of epochs on the cases that have tiles."""
        bags = bags_of(cases, self.modalities[0], self.name)
        rows = np.flatnonzero(bags.stop > bags.start)
        seen = outcome.take(rows)
        if not is_learnable(seen):
            return tuple(null_scorer(seen) for _ in settings)
        train, head = bags.take(rows).ordered(), self.make_head(seen)
        scale = fit_tile_scale(train)
        epochs = tuple(int(setting["epochs"]) for setting in settings)
        networks = self.train(train, scale, head, epochs, seed)
        scorers = (
            BagScorer(model=self.name, modality=self.modalities[0], network=network, scale=scale, head=head)
            for network in (networks[count] for count in epochs)
        )
        return tuple(scorer.centred(cases.take(rows)) for scorer in scorers)

    def train(
        self, bags: Bags, scale: TileScale, head: Head, epochs: tuple[int, ...], seed: int
    ) -> dict[int, BagNetwork]:
        """Return the network after each of `epochs`; bags are in canonical order, and none is empty."""
        import torch

        shape, dtype = self.shape, _dtype(self.shape.precision)

        def forward(
            network: BagNetwork, rows: Int[np.ndarray, " k"], generator: np.random.Generator
        ) -> torch.Tensor:
            from fuse.models.aggregators.packing import Packing

            drawn = draw_tiles(bags, rows, shape.tiles_per_case, generator)
            half, said = shape.precision == "bfloat16", []
            with torch.autocast("cpu", dtype=torch.bfloat16) if half else nullcontext():
                for pack in pack_bags_together([len(tiles) for tiles in drawn]):
                    tiles = scale.apply(bags.tiles[np.concatenate(drawn[pack])], dtype)
                    packing = Packing(sizes=tuple(len(own) for own in drawn[pack]))
                    said.append(self.say(network, tiles, packing, head, rows[pack]))
            return torch.cat(said)

        schedule = Schedule(
            epochs=epochs,
            learning_rate=shape.learning_rate,
            weight_decay=shape.weight_decay,
            cases_per_step=cases_per_step(bags, shape.tiles_per_case, shape.cases_per_step),
        )
        dim = bags.tiles.shape[1]
        return train_path(lambda: self.build(dim, head), forward, head, len(bags.start), schedule, seed)

    def build(self, dim: int, head: Head) -> BagNetwork:
        """Return the network before training, from torch's random state."""
        from fuse.models.bag_network import BagNetwork

        return BagNetwork(dim, self.shape.hidden, lambda: self.aggregate(self.shape, head))

    def make_head(self, outcome: Outcome) -> Head:
        """Return the head for a train part."""
        return make_head(self.shape.head, outcome)

    def say(
        self,
        network: BagNetwork,
        tiles: torch.Tensor,
        packing: Packing,
        head: Head,
        rows: Int[np.ndarray, " k"],
    ) -> torch.Tensor:
        """Return what the network says of cases `rows` of the train part, for the head's loss."""
        said: torch.Tensor = network(tiles, packing)
        return said


def _dtype(precision: str) -> torch.dtype:
    import torch

    return torch.bfloat16 if precision == "bfloat16" else torch.float32


def _bad_option(model: str, expected: str, got: str) -> OutcomeError:
    return OutcomeError(
        f"model {model}", expected=expected, got=got, remedy="Correct the options of this arm."
    )
