"""The plain honest stack that published fusion is held against: ridge, ridge and trees, stacked out of fold.

Enters: one cancer's tables and one of its folds. Leaves: the risk of each test case. It is the third way
of ../shared/facts/published-tables.md, section 2: penalties fixed by hand, gaps filled with train medians,
scores standardised on out-of-fold scores of the train part, ridge Cox on them, weights below 0 cut. Written
apart from `fuse`, of which it uses only Newton's Cox fit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from fuse.models.newton_cox import ridge_cox_path
from fuse.outcomes.outcomes import Survival

CLINICAL_ALPHA, OMICS_ALPHA, STACK_ALPHA = 1.0, 300.0, 1.0
COMPONENTS, CLIP, INNER, ROUNDS = 100, 5.0, 4, 60
TREES: dict[str, object] = {
    "objective": "survival:cox",
    "tree_method": "hist",
    "nthread": 1,
    "max_bin": 32,
    "max_depth": 2,
    "eta": 0.05,
    "subsample": 0.8,
    "colsample_bytree": 0.1,
    "min_child_weight": 2.0,
    "reg_lambda": 5.0,
    "verbosity": 0,
    "seed": 0,
}

Table = Float[np.ndarray, "case column"]
Rows = Int[np.ndarray, " case"]
Risk = Float[np.ndarray, " case"]


@dataclass(frozen=True, kw_only=True)
class PlainTables:
    """Clinical columns (one-hot where categorical) and omics of all cases, NaN where missing."""

    clinical: Table
    omics: Table
    outcome: Survival


def plain_stack_risk(tables: PlainTables, train: Rows, test: Rows) -> Risk:
    """Return the risk of the test cases; everything is fitted on the train part."""
    inner = deal_by_event(tables.outcome.event[train])
    columns = np.zeros((len(train), 3))
    for fold in range(INNER):
        held = inner == fold
        columns[held] = arm_risks(tables, train[~held], train[held])
    centre, spread = columns.mean(axis=0), columns.std(axis=0)
    scaled = (columns - centre) / spread
    (weights,) = ridge_cox_path(scaled, tables.outcome.take(train), (STACK_ALPHA,))
    return ((arm_risks(tables, train, test) - centre) / spread) @ np.maximum(weights, 0.0)


def arm_risks(tables: PlainTables, train: Rows, test: Rows) -> Float[np.ndarray, "case 3"]:
    """Return what clinical ridge, omics ridge and omics trees say of the test cases."""
    seen = tables.outcome.take(train)
    clinical = standardised(tables.clinical, train)
    omics = np.clip(standardised(tables.omics, train), -CLIP, CLIP)
    _, _, axes = np.linalg.svd(omics[train], full_matrices=False)
    reduced = omics @ axes[:COMPONENTS].T
    (of_clinical,) = ridge_cox_path(clinical[train], seen, (CLINICAL_ALPHA,))
    (of_omics,) = ridge_cox_path(reduced[train], seen, (OMICS_ALPHA,))
    boosted = trees(omics[train], seen, omics[test])
    return np.stack([clinical[test] @ of_clinical, reduced[test] @ of_omics, boosted], axis=1)


def trees(train: Table, outcome: Survival, test: Table) -> Risk:
    """Return the margin of boosted trees."""
    import xgboost

    label = np.where(outcome.event, outcome.time_days, -outcome.time_days)
    booster = xgboost.train(TREES, xgboost.DMatrix(train, label=label, nthread=1), ROUNDS)
    margin = booster.predict(xgboost.DMatrix(test, nthread=1), output_margin=True)
    return np.asarray(margin, dtype=np.float64)


def standardised(values: Table, train: Rows) -> Table:
    """Fill gaps with train medians and standardise by the train part; constant columns become 0."""
    with np.errstate(invalid="ignore"):
        known = ~np.isnan(values[train]).all(axis=0)
    filled = values[:, known]
    filled = np.where(np.isnan(filled), np.nanmedian(filled[train], axis=0), filled)
    mean, sd = filled[train].mean(axis=0), filled[train].std(axis=0)
    usable = sd > 1e-12
    return (filled[:, usable] - mean[usable]) / sd[usable]


def deal_by_event(event: Bool[np.ndarray, " case"]) -> Int[np.ndarray, " case"]:
    """Return inner folds with events dealt evenly."""
    rng = np.random.default_rng(0)
    order = np.lexsort((rng.random(len(event)), event))
    folds = np.empty(len(event), dtype=np.int64)
    folds[order] = np.arange(len(event)) % INNER
    return folds
