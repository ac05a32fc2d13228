"""The risks of one fold with what weighs their pairs: what Uno's C and AUC(day) both count on.

Enters: risks and outcomes of one fold, its train part for the censoring curve, and resamples of its cases.
Leaves: one value, and how much an event by a day weighs. Which pairs are counted is known to `uno.py` and
`auc.py`; both give weighted sums, which are added over the folds of a repeat before they are divided: a fold
of 19 cases holds about five events, and ratios of so few pairs would be averaged as noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from fuse.metrics.censoring import CensoringWeights, weigh
from fuse.outcomes.outcomes import Survival


@dataclass(frozen=True, kw_only=True)
class RankedFold:
    """Test cases in the order that an arm gave them, and their resamples.

    `risk` (case,): higher = earlier. `train`, `test`: outcomes; the censoring curve is that of the train
    part. `counts` (sample, case): how often each test case is in each resample.
    """

    risk: Float[np.ndarray, " case"]
    train: Survival
    test: Survival
    counts: Float[np.ndarray, "sample case"]

    def weigh(self, day: float) -> CensoringWeights:
        """Return the weights of the test cases at one day; the arrays by time have one column."""
        return weigh(self.train, self.test, np.array([day]))
