"""Reference pipelines that a strategy is held against: a ridge Cox that was told what matters.

Enters: blocks of columns, a train part and its inner folds. Leaves: a log relative hazard of any case. It is
written apart from `fuse`, so that a fault there cannot lower the bar: Newton's method (steps halved where
they overshoot) on the partial likelihood (Breslow's ties), the penalty chosen by cross-validated partial
likelihood (Verweij and van Houwelingen 1993).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from fuse.outcomes.outcomes import Survival
from tests.planted.modalities import CLINICAL, MOVED, OMICS, SLIDES, directions
from tests.planted.situations import Planted

#: Penalties for blocks of total variance 1, the strongest first.
PENALTIES = tuple(2.0**power for power in range(9, -1, -1))
NEWTON_STEPS, CONVERGED = 200, 1e-9

Blocks = Sequence[Float[np.ndarray, "case column"]]


def reference_risk(
    blocks: Blocks, outcome: Survival, inner: Int[np.ndarray, " train"]
) -> Float[np.ndarray, " test"]:
    """Fit one ridge Cox on the first `len(outcome)` rows of all blocks and score the other rows."""
    matrix = np.concatenate([_scaled(block, len(outcome)) for block in blocks], axis=1)
    train, test = matrix[: len(outcome)], matrix[len(outcome) :]
    scores = [_held_out(train, outcome, inner, penalty) for penalty in PENALTIES]
    return test @ ridge_cox(train, outcome, PENALTIES[int(np.argmax(scores))])


def told_blocks(planted: Planted) -> Blocks:
    """Return the tables of the modalities that matter, all their columns: the reference pipeline's input."""
    return [planted.cases.modalities[name].values for name in planted.situation.informative]


def informed_blocks(planted: Planted) -> Blocks:
    """Return what a pipeline is given that also knows which columns, products or tiles matter.

    A ceiling, not a pipeline that anybody could have. Of an interaction the products of the moved omics
    columns with what clinical values show of the other factor; of rare tiles those that inform.
    """
    situation, readings = planted.situation, planted.readings
    told = {name: planted.cases.modalities[name].values for name in situation.informative}
    blocks: list[Float[np.ndarray, "case column"]] = []
    if CLINICAL in told:
        blocks.append(told[CLINICAL][:, :3])
    if situation.product:
        centred = readings.clinical[:, 3:5] - np.nanmean(readings.clinical[:, 3:5], axis=0)
        context = np.nansum(centred / np.nanstd(centred, axis=0), axis=1)
        blocks.append(context[:, None] * readings.omics[:, :MOVED])
    elif OMICS in told:
        blocks.append(told[OMICS][:, :MOVED])
    if SLIDES in told:
        first, second = directions()
        rare = situation.tiles.informative < 1.0
        means, shows = (readings.informing_means, second) if rare else (told[SLIDES], first)
        blocks.append(means @ shows[:, None].astype(np.float64))
    return blocks


def ridge_cox(
    matrix: Float[np.ndarray, "case column"], outcome: Survival, penalty: float
) -> Float[np.ndarray, " column"]:
    """Return the coefficients that maximise log partial likelihood - penalty / 2 * their squares."""
    order = np.argsort(-outcome.time_days, kind="stable")
    matrix, time, event = matrix[order], outcome.time_days[order], outcome.event[order]
    # the risk set of row i are the rows up to the last one of its time
    last = np.searchsorted(-time, -time[event], side="right") - 1
    coefficients, step = np.zeros(matrix.shape[1]), np.zeros(matrix.shape[1])
    value = -np.inf
    for _ in range(NEWTON_STEPS):
        risk = matrix @ (coefficients + step)
        weight = np.exp(risk - risk.max())
        total = np.cumsum(weight)[last]
        reached = float(np.sum(risk[event] - np.log(total) - risk.max()))
        reached -= penalty / 2 * float(np.sum((coefficients + step) ** 2))
        if reached < value - CONVERGED:
            step = step / 2
            continue
        coefficients = coefficients + step
        if reached - value < CONVERGED:
            return coefficients
        value = reached
        mean = np.cumsum(weight[:, None] * matrix, axis=0)[last] / total[:, None]
        # each row's share in the risk sets of all events at or before its time
        expected = weight * np.bincount(last, 1.0 / total, minlength=len(weight))[::-1].cumsum()[::-1]
        gradient = matrix[event].sum(axis=0) - mean.sum(axis=0) - penalty * coefficients
        curvature = (matrix * expected[:, None]).T @ matrix - mean.T @ mean
        curvature[np.diag_indices_from(curvature)] += penalty
        step = np.linalg.solve(curvature, gradient)
    raise RuntimeError(f"no convergence at penalty {penalty}")


def _held_out(
    matrix: Float[np.ndarray, "case column"],
    outcome: Survival,
    inner: Int[np.ndarray, " case"],
    penalty: float,
) -> float:
    """Return what each inner fold adds to the log partial likelihood of the others, fitted on those."""
    gained = 0.0
    for fold in np.unique(inner):
        others = np.flatnonzero(inner != fold)
        risk = matrix @ ridge_cox(matrix[others], outcome.take(others), penalty)
        gained += _log_likelihood(risk, outcome) - _log_likelihood(risk[others], outcome.take(others))
    return gained


def _log_likelihood(risk: Float[np.ndarray, " case"], outcome: Survival) -> float:
    order = np.argsort(-outcome.time_days, kind="stable")
    time, event = outcome.time_days[order], outcome.event[order]
    last = np.searchsorted(-time, -time[event], side="right") - 1
    return float(np.sum(risk[order][event] - np.logaddexp.accumulate(risk[order])[last]))


def _scaled(block: Float[np.ndarray, "case column"], train: int) -> Float[np.ndarray, "case column"]:
    """Return columns of mean 0 and variance 1 / columns in the train rows; 0 where nothing was observed."""
    seen = block[:train]
    spread = np.nanstd(seen, axis=0) * np.sqrt(block.shape[1])
    return np.nan_to_num((block - np.nanmean(seen, axis=0)) / spread, nan=0.0)
