"""The one learner of all fusions inside a network; what differs between them is the rule.

Enters: the values (and, for rules that look at them, the tiles) of several modalities. Leaves: a scorer. In
training whole modalities are dropped at random, never the last one of a case, so that the network does not
learn to need all of them. Tokens are linear and the weight decay is strong: with rectified tokens and a weak
one, networks learned 300 cases by heart before they found a planted interaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int

from feature_cache.errors import OutcomeError
from fuse.cases import Cases
from fuse.fusion.fusion_rule import FusionRule
from fuse.fusion.modality_columns import ColumnMaker, Columns, fit_columns
from fuse.fusion.modality_scorer import ModalityScorer, WeighingScorer
from fuse.models.card import CLASSES, TIMES, ModelCard, Options
from fuse.models.heads.head import Head
from fuse.models.heads.registry import HEAD_OPTION, make_head
from fuse.models.learner import Learner, Scorer, Setting, is_learnable, null_scorer
from fuse.outcomes.outcomes import Outcome
from fuse.training import Schedule, train_path

if TYPE_CHECKING:
    import torch

    from fuse.fusion.modality_network import ModalityNetwork

#: Epochs to choose from; one training run passes through all of them.
EPOCHS = (5, 20, 60)
WIDTH = 32
DROPOUT = 0.5
LEARNING_RATE = 1e-2
WEIGHT_DECAY = 3.0
CASES_PER_STEP = 256

#: The share of a step's modalities that is left out, and the option that sets it.
MODALITY_DROPOUT = 0.1
DROPOUT_OPTION = "modality_dropout"


@dataclass(frozen=True, kw_only=True)
class NetworkFusion(Learner):
    """A network with one token for each modality; `dropped` is the share of modalities left out."""

    name: str
    rule: FusionRule
    modalities: tuple[str, ...]
    head: str = "auto"
    dropped: float = MODALITY_DROPOUT

    def candidates(self) -> tuple[Setting, ...]:
        """Return the numbers of epochs, the fewest first."""
        return tuple(Setting((("epochs", float(epochs)),)) for epochs in EPOCHS)

    def fit_path(
        self, cases: Cases, outcome: Outcome, settings: tuple[Setting, ...], seed: int
    ) -> tuple[Scorer, ...]:
        """Train once up to the largest number of epochs on the cases that have any of the modalities.

        Raises
        ------
        OutcomeError
            The rule looks at tiles and no modality has bags, or the head is not one of this endpoint.
        """
        self._check_bags(cases)
        maker = fit_columns(self.modalities, cases, self.rule.tiles)
        rows = np.flatnonzero(maker.columns(cases).present.any(axis=1))
        seen, train = outcome.take(rows), cases.take(rows)
        if not is_learnable(seen):
            return tuple(null_scorer(seen) for _ in settings)
        head = make_head(self.head, seen)
        epochs = tuple(int(setting["epochs"]) for setting in settings)
        networks = self._train(maker, maker.columns(train).ordered(), head, epochs, seed)
        scorer = WeighingScorer if self.rule.weighs else ModalityScorer
        return tuple(
            scorer(maker=maker, network=networks[count], head=head).centred(train) for count in epochs
        )

    def _train(
        self, maker: ColumnMaker, columns: Columns, head: Head, epochs: tuple[int, ...], seed: int
    ) -> dict[int, ModalityNetwork]:
        from fuse.fusion.modality_network import ModalityNetwork, NetworkShape
        from fuse.fusion.modality_steps import drop_modalities, of_step

        shape = NetworkShape(
            columns=tuple(values.shape[1] for values in columns.values),
            tile_dims={place: bags.tiles.shape[1] for place, bags in columns.bags.items()},
            width=WIDTH,
            outputs=head.width,
            dropout=DROPOUT,
        )

        def forward(
            network: ModalityNetwork, rows: Int[np.ndarray, " k"], generator: np.random.Generator
        ) -> torch.Tensor:
            kept = drop_modalities(columns.present[rows], self.dropped, generator)
            said: torch.Tensor = network(of_step(maker, columns, rows, kept, generator))
            return said

        schedule = Schedule(
            epochs=epochs,
            learning_rate=LEARNING_RATE,
            weight_decay=WEIGHT_DECAY,
            cases_per_step=CASES_PER_STEP,
        )
        cases = len(columns.present)
        return train_path(lambda: ModalityNetwork(shape, self.rule), forward, head, cases, schedule, seed)

    def _check_bags(self, cases: Cases) -> None:
        if self.rule.tiles and all(cases.modalities[name].bags is None for name in self.modalities):
            raise OutcomeError(
                f"model {self.name} on {', '.join(self.modalities)}",
                expected="at least one modality with bags of tiles",
                got="one row of values for each case",
                remedy="Use a fusion that reads values (gated_units, modality_transformer) for them.",
            )


def network_card(name: str, title: str, source: str, rule: FusionRule) -> ModelCard:
    """Return the card of a fusion inside a network."""

    def build(modalities: tuple[str, ...], options: Options) -> NetworkFusion:
        dropped = options.get(DROPOUT_OPTION, MODALITY_DROPOUT)
        if isinstance(dropped, bool) or not isinstance(dropped, int | float) or not 0 <= dropped < 1:
            raise OutcomeError(
                f"model {name}",
                expected=f"{DROPOUT_OPTION}: a share, 0 or more and less than 1",
                got=str(dropped),
                remedy="Correct the options of this arm.",
            )
        return NetworkFusion(
            name=name,
            rule=rule,
            modalities=modalities,
            head=str(options.get(HEAD_OPTION, "auto")),
            dropped=float(dropped),
        )

    return ModelCard(
        name=name,
        title=title,
        reads="tiles" if rule.tiles else "values",
        modalities="several",
        needs=("torch",),
        source=source,
        options=(HEAD_OPTION, DROPOUT_OPTION),
        endpoints=TIMES + CLASSES,
        adds_up=False,
        build=build,
    )
