"""The interval of a full-refit bootstrap: everything, from the scaler to the fusion, fitted on each resample.

Enters: an estimate of the cohort and what refits on resampled cases gave. Leaves: limits that speak about
the procedure trained at this size. Resamples hold 63 % of the cases, so that refits are worse on the whole
than the pipeline: their spread is used, their place is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from fuse.metrics.intervals import Interval, normal_quantile

#: Fewer refits give no standard deviation worth the name.
FEWEST_REFITS = 20


def refit_interval(
    estimate: float,
    refits: Sequence[float],
    scale: Literal["logit", "difference"] = "logit",
    family: int = 1,
) -> Interval:
    """Return estimate -+ z times the standard deviation of the refits (Efron and Tibshirani 1993, ch. 13).

    Parameters
    ----------
    estimate
        C (or AUROC) of the cohort, or a difference of two.
    refits
        The same number of each refit; for a difference, of both arms on the same resample.
    scale
        `logit` for a share: the deviation is carried to that scale at the estimate. `difference`: as it is,
        cut at -1 and 1.
    family
        Number of intervals that shall hold together; more than one widens each (Bonferroni).
    """
    several = f"; Bonferroni over {family} (simultaneous)" if family > 1 else ""
    on = ", logit scale" if scale == "logit" else ""
    method = f"full-refit bootstrap{on}, {len(refits)} refits{several}"
    sd = float(np.std(refits, ddof=1)) if len(refits) > 1 else 0.0
    inside = scale == "difference" or 0 < estimate < 1
    if len(refits) < FEWEST_REFITS or sd < 1e-12 or not inside:
        why = f"under {FEWEST_REFITS}" if len(refits) < FEWEST_REFITS else "no spread to judge by"
        return Interval(low=float("nan"), high=float("nan"), method=f"none: {method}, {why}")
    half = normal_quantile(family) * sd
    if scale == "difference":
        low, high = np.clip([estimate - half, estimate + half], -1, 1)
    else:
        centre, reach = np.log(estimate / (1 - estimate)), half / (estimate * (1 - estimate))
        low, high = 1 / (1 + np.exp(-np.array([centre - reach, centre + reach])))
    return Interval(low=float(low), high=float(high), method=method)
