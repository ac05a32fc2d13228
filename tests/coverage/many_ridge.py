"""Ridge Cox on many train parts of one cohort at once: what makes a thousand cross-validations cheap.

Enters: columns, outcomes, and how often each case is in each train part. Leaves: coefficients of each part.
A test shows that they are those of `fuse.models.newton_cox` on the standardised columns of that part.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from fuse.outcomes.outcomes import Survival

ALPHA = 16.0
STEPS = 5
#: Numbers of one array held in memory together.
MOST_NUMBERS = 100_000


def fit_parts(
    columns: Float[np.ndarray, "case column"],
    outcome: Survival,
    counts: Float[np.ndarray, "part case"],
) -> Float[np.ndarray, "part column"]:
    """Return the weights of the columns as they are, one row a part.

    Parameters
    ----------
    columns, outcome
        The cohort, latest time first, no two times alike.
    counts
        How often each case is in each part: 0 or 1, or more in a resample (Breslow's ties).
    """
    at_once = max(1, MOST_NUMBERS // columns.size)
    blocks = [counts[start : start + at_once] for start in range(0, len(counts), at_once)]
    return np.concatenate([_fit_some(columns, outcome, block) for block in blocks])


def _fit_some(
    columns: Float[np.ndarray, "case column"], outcome: Survival, counts: Float[np.ndarray, "part case"]
) -> Float[np.ndarray, "part column"]:
    total = counts.sum(axis=1, keepdims=True)
    mean = counts @ columns / total
    sd = np.sqrt(counts @ np.square(columns) / total - np.square(mean))
    scaled = (columns[None] - mean[:, None]) / sd[:, None]
    events = counts * outcome.event
    weights = np.zeros_like(mean)
    diagonal = np.arange(columns.shape[1])
    for _ in range(STEPS):
        hazard = np.exp(np.matmul(scaled, weights[:, :, None])[:, :, 0]) * counts
        share = np.divide(events, np.cumsum(hazard, axis=1), out=np.zeros_like(events), where=events > 0)
        weighted = hazard[:, :, None] * scaled
        # sqrt of the number of events: a case that is in a part twice has its event twice
        root = np.sqrt(np.divide(share, np.where(events > 0, np.cumsum(hazard, axis=1), 1.0)))
        in_risk_set = np.cumsum(weighted, axis=1)
        gradient = np.matmul(events[:, None], scaled)[:, 0] - np.matmul(share[:, None], in_risk_set)[:, 0]
        known = np.cumsum(share[:, ::-1], axis=1)[:, ::-1]
        centred = in_risk_set * root[:, :, None]
        information = np.matmul(weighted.transpose(0, 2, 1), scaled * known[:, :, None])
        information -= np.matmul(centred.transpose(0, 2, 1), centred)
        information[:, diagonal, diagonal] += ALPHA
        gradient -= ALPHA * weights
        weights += np.linalg.solve(information, gradient[:, :, None])[:, :, 0]
    return weights / sd
