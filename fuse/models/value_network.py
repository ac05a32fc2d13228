"""A small fully connected network on the values of one modality, with any head.

Enters: the values of one modality, imputed, with indicators of what is missing. Leaves: the risk of the head.
A straight way past the hidden layer keeps it as good as a weighted sum where there is nothing more to find.
Epochs are chosen on inner folds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from fuse.cases import Cases
from fuse.models.card import CLASSES, TIMES, ModelCard
from fuse.models.case_columns import CaseColumns, fit_case_columns
from fuse.models.heads.head import Head
from fuse.models.heads.registry import HEAD_OPTION, make_head
from fuse.models.learner import Learner, Scorer, Setting, is_learnable, null_scorer, spread
from fuse.outcomes.outcomes import Outcome
from fuse.training import Schedule, one_thread, train_path

if TYPE_CHECKING:
    import torch

    from fuse.models.dense_network import DenseNetwork

#: Epochs to choose from; one training run passes through all of them.
EPOCHS = (5, 15, 40)
HIDDEN = 32
DROPOUT = 0.25
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 1e-1

#: Wider tables are reduced to their components.
WIDEST = 64


@dataclass(frozen=True, kw_only=True)
class ValueScorer:
    """A trained network with its columns and head, centred on the train part."""

    columns: CaseColumns
    network: DenseNetwork
    head: Head
    mean: float | Float[np.ndarray, " class"] = 0.0

    def risk(self, cases: Cases) -> Float[np.ndarray, " case *classes"]:
        """Return the risk of the head; 0.0 for cases without the modality. Each case is scored alone."""
        import torch

        columns = torch.from_numpy(self.columns.of(cases).astype(np.float32))
        said = np.empty((len(columns), self.head.width), dtype=np.float32)
        with one_thread(), torch.no_grad():
            for row, values in enumerate(columns):
                said[row] = self.network(values[None]).numpy()[0]
        risk = np.asarray(self.head.risk(said), dtype=np.float64)
        return spread(risk - self.mean, cases.modalities[self.columns.modality].present)

    def centred(self, train: Cases) -> ValueScorer:
        """Return the scorer whose mean risk over the train part is 0."""
        return replace(self, mean=self.risk(train).mean(axis=0))


class ValueNetwork(Learner):
    """A fully connected network on one modality."""

    name = "value_network"

    def __init__(self, modalities: tuple[str, ...], head: str = "auto") -> None:
        self.modalities = modalities
        self.head = head

    def candidates(self) -> tuple[Setting, ...]:
        """Return the numbers of epochs, the fewest first."""
        return tuple(Setting((("epochs", float(epochs)),)) for epochs in EPOCHS)

    def fit_path(
        self, cases: Cases, outcome: Outcome, settings: tuple[Setting, ...], seed: int
    ) -> tuple[Scorer, ...]:
        """Train once up to the largest number of epochs on the cases that have the modality."""
        rows = np.flatnonzero(cases.modalities[self.modalities[0]].present)
        seen, train = outcome.take(rows), cases.take(rows)
        if not is_learnable(seen):
            return tuple(null_scorer(seen) for _ in settings)
        columns = fit_case_columns(train.modalities[self.modalities[0]], WIDEST)
        head = make_head(self.head, seen)
        epochs = tuple(int(setting["epochs"]) for setting in settings)
        networks = train_networks(columns.of(train), head, epochs, seed)
        return tuple(
            ValueScorer(columns=columns, network=networks[count], head=head).centred(train)
            for count in epochs
        )


def train_networks(
    matrix: Float[np.ndarray, "case column"], head: Head, epochs: tuple[int, ...], seed: int
) -> dict[int, DenseNetwork]:
    """Return the network after each of `epochs`."""
    import torch

    from fuse.models.dense_network import DenseNetwork

    columns = torch.from_numpy(matrix.astype(np.float32))

    def build() -> DenseNetwork:
        return DenseNetwork(columns=matrix.shape[1], hidden=HIDDEN, outputs=head.width, dropout=DROPOUT)

    def forward(
        network: DenseNetwork, rows: Int[np.ndarray, " k"], generator: np.random.Generator
    ) -> torch.Tensor:
        said: torch.Tensor = network(columns[torch.from_numpy(rows)])
        return said

    schedule = Schedule(epochs=epochs, learning_rate=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    return train_path(build, forward, head, len(matrix), schedule, seed)


CARD = ModelCard(
    name="value_network",
    title="Fully connected network",
    reads="values",
    modalities="one",
    needs=("torch",),
    source="Katzman et al. 2018, DeepSurv, doi 10.1186/s12874-018-0482-1 (with a Cox head)",
    options=(HEAD_OPTION,),
    endpoints=(*TIMES, *CLASSES),
    build=lambda modalities, options: ValueNetwork(modalities, str(options.get(HEAD_OPTION, "auto"))),
)
