"""Early fusion: the columns of all modalities in one table, one Cox regression with a ridge penalty.

Enters: the values of several modalities. Leaves: a log relative hazard to which each modality adds a
weighted sum of its own columns. Every modality is scaled to the same total variance first, so that 512
dimensions of text do not drown 20 clinical variables. A modality that a case lacks stands at the train mean;
whether it is there is a column of its own where that differs between cases.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from fuse.cases import Cases, Modality, Survival
from fuse.models.card import ModelCard
from fuse.models.design import MIN_MISSING_SHARE, Design, fit_design
from fuse.models.learner import Learner, NullScorer, Scorer, Setting, is_learnable, spread
from fuse.models.ridge_cox import ALPHAS, ridge_coefficients

#: Variance of the column "this modality is there"; a whole modality has 1.
PRESENCE_VARIANCE = 0.1


@dataclass(frozen=True, kw_only=True)
class Block:
    """The columns of one modality in the common table.

    `presence_mean` is the share of train cases that have it; `presence_factor` is 0 where nearly all or
    nearly none have it.
    """

    modality: str
    design: Design
    presence_mean: float
    presence_factor: float

    def matrix(self, modality: Modality) -> Float[np.ndarray, "case column"]:
        """Return the block's columns for all cases; rows without the modality are 0 but for presence."""
        columns = self.design.matrix(modality.values[modality.present])
        block = np.zeros((len(modality.present), columns.shape[1] + 1))
        block[modality.present, :-1] = columns
        block[:, -1] = self.presence(modality)
        return block

    def presence(self, modality: Modality) -> Float[np.ndarray, " case"]:
        """Return the presence column."""
        return np.asarray((modality.present - self.presence_mean) * self.presence_factor)


@dataclass(frozen=True, kw_only=True)
class EarlyScorer:
    """One weighted sum for each modality, added up."""

    blocks: tuple[Block, ...]
    weights: tuple[Float[np.ndarray, " filled"], ...]
    presence_weights: tuple[float, ...]

    def risk(self, cases: Cases) -> Float[np.ndarray, " case"]:
        """Return the log relative hazard; the stored values of an absent modality are never read."""
        return np.asarray(np.sum(list(self.contributions(cases).values()), axis=0))

    def contributions(self, cases: Cases) -> dict[str, Float[np.ndarray, " case"]]:
        """Return what each modality adds to the risk of each case."""
        parts = {}
        for block, weights, presence in zip(self.blocks, self.weights, self.presence_weights, strict=True):
            modality = cases.modalities[block.modality]
            filled = block.design.fill(modality.values[modality.present])
            values = spread(np.sum(filled * weights, axis=1), modality.present)
            parts[block.modality] = values + presence * block.presence(modality)
        return parts


class EarlyFusion(Learner):
    """Ridge-penalised Cox regression on the columns of several modalities."""

    name = "early"

    def __init__(self, modalities: tuple[str, ...], missing_indicators: bool = False) -> None:
        self.modalities = modalities
        self.missing_indicators = missing_indicators

    def candidates(self) -> tuple[Setting, ...]:
        """Return the penalties, the strongest first."""
        return tuple(Setting((("alpha", alpha),)) for alpha in ALPHAS)

    def fit_path(
        self, cases: Cases, outcome: Survival, settings: tuple[Setting, ...], seed: int
    ) -> tuple[Scorer, ...]:
        """Fit on all cases, whatever they lack."""
        if not is_learnable(outcome):
            return tuple(NullScorer() for _ in settings)
        blocks = tuple(self._block(cases.modalities[name]) for name in self.modalities)
        columns = [block.matrix(cases.modalities[block.modality]) for block in blocks]
        matrix = np.concatenate(columns, axis=1)
        ends = np.cumsum([part.shape[1] for part in columns])
        return tuple(
            _scorer(blocks, np.split(ridge_coefficients(matrix, outcome, setting["alpha"]), ends[:-1]))
            for setting in settings
        )

    def _block(self, modality: Modality) -> Block:
        values = modality.values[modality.present]
        share = float(modality.present.mean())
        varies = MIN_MISSING_SHARE <= share <= 1.0 - MIN_MISSING_SHARE
        factor = float(np.sqrt(PRESENCE_VARIANCE / (share * (1.0 - share)))) if varies else 0.0
        return Block(
            modality=modality.name,
            design=fit_design(values, modality.scale_columns, self.missing_indicators),
            presence_mean=share,
            presence_factor=factor,
        )


def _scorer(blocks: tuple[Block, ...], coefficients: list[Float[np.ndarray, " column"]]) -> EarlyScorer:
    return EarlyScorer(
        blocks=blocks,
        weights=tuple(b.design.column_weights(c[:-1]) for b, c in zip(blocks, coefficients, strict=True)),
        presence_weights=tuple(float(c[-1]) for c in coefficients),
    )


CARD = ModelCard(
    name="early",
    title="Early fusion (one table, ridge Cox)",
    reads="values",
    modalities="several",
    needs=("sksurv",),
    source="Cox 1972 on concatenated blocks of equal total variance",
    options=("missing_indicators",),
    build=lambda modalities, options: EarlyFusion(modalities, bool(options.get("missing_indicators", False))),
)
