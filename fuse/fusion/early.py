"""Early fusion: the columns of all modalities in one table, one Cox regression with a ridge penalty.

Enters: the values of several modalities. Leaves: a log relative hazard to which each modality adds a
weighted sum of its own columns. Every modality is scaled to the same total variance first, so that 512
dimensions of text do not drown 20 clinical variables. A modality that a case lacks stands at the train mean
and adds exactly 0; that it is lacking is no column, so an absent modality has no influence at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from fuse.cases import Cases, Modality
from fuse.models.card import ModelCard
from fuse.models.design import Design, design_of, filled_rows, matrix_of
from fuse.models.learner import NullScorer, Scorer, Setting, is_learnable, spread
from fuse.models.newton_cox import ridge_cox_path
from fuse.models.ridge_cox import RidgeCox
from fuse.outcomes.outcomes import Survival


@dataclass(frozen=True, kw_only=True)
class Block:
    """The columns of one modality in the common table."""

    modality: str
    design: Design

    def matrix(self, modality: Modality) -> Float[np.ndarray, "case column"]:
        """Return the block's columns for all cases; rows without the modality are 0."""
        columns = matrix_of(self.design, modality)
        block = np.zeros((len(modality.present), columns.shape[1]))
        block[modality.present] = columns
        return block


@dataclass(frozen=True, kw_only=True)
class EarlyScorer:
    """One weighted sum for each modality, added up."""

    blocks: tuple[Block, ...]
    weights: tuple[Float[np.ndarray, " filled"], ...]

    def risk(self, cases: Cases) -> Float[np.ndarray, " case"]:
        """Return the log relative hazard; the stored values of an absent modality are never read."""
        return np.asarray(np.sum(list(self.contributions(cases).values()), axis=0))

    def contributions(self, cases: Cases) -> dict[str, Float[np.ndarray, " case"]]:
        """Return what each modality adds to the risk of each case; exactly 0.0 where it is absent."""
        parts = {}
        for block, weights in zip(self.blocks, self.weights, strict=True):
            modality = cases.modalities[block.modality]
            filled = filled_rows(block.design, modality)
            parts[block.modality] = spread(np.sum(filled * weights, axis=1), modality.present)
        return parts


class EarlyFusion(RidgeCox):
    """The same regression, the same penalties to choose from, on the columns of several modalities."""

    name = "early"

    def fit_path(
        self, cases: Cases, outcome: Survival, settings: tuple[Setting, ...], seed: int
    ) -> tuple[Scorer, ...]:
        """Fit on all cases, whatever they lack."""
        if not is_learnable(outcome):
            return tuple(NullScorer() for _ in settings)
        blocks, matrix = fit_blocks(cases, self.modalities, self.missing_indicators)
        path = ridge_cox_path(matrix, outcome, tuple(setting["alpha"] for setting in settings))
        return tuple(score_blocks(blocks, found) for found in path)


def fit_blocks(
    cases: Cases, names: tuple[str, ...], missing_indicators: bool = False
) -> tuple[tuple[Block, ...], Float[np.ndarray, "case column"]]:
    """Fit the design of each modality on the cases that have it, and join what they make of the cases."""
    blocks, columns = [], []
    for name in names:
        modality = cases.modalities[name]
        blocks.append(Block(modality=name, design=design_of(modality, missing_indicators)))
        columns.append(blocks[-1].matrix(modality))
    return tuple(blocks), np.concatenate(columns, axis=1)


def score_blocks(blocks: tuple[Block, ...], coefficients: Float[np.ndarray, " column"]) -> EarlyScorer:
    """Return what coefficients of the joined columns make of any case."""
    ends = np.cumsum([block.design.width for block in blocks])
    parts = np.split(coefficients, ends[:-1])
    return EarlyScorer(
        blocks=blocks,
        weights=tuple(b.design.column_weights(c) for b, c in zip(blocks, parts, strict=True)),
    )


CARD = ModelCard(
    name="early",
    title="Early fusion (one table, ridge Cox)",
    reads="values",
    modalities="several",
    needs=(),
    source="Cox 1972 on concatenated blocks of equal total variance",
    options=("missing_indicators",),
    build=lambda modalities, options: EarlyFusion(modalities, bool(options.get("missing_indicators", False))),
    late_entry=True,
)
