"""Observed events against expected ones at one day: the part of calibration that few events can show.

Enters: outcomes and resamples. Leaves: the share that had the event by the day, by Kaplan-Meier. Curves of
calibration need some hundred events and are not drawn here.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from fuse.outcomes.at_risk import at_risk as under_risk
from fuse.outcomes.outcomes import Survival


def resampled_event_share(
    outcome: Survival, day: float, counts: Float[np.ndarray, "sample case"]
) -> Float[np.ndarray, " sample"]:
    """Return 1 - Kaplan-Meier at one day for many resamples.

    Parameters
    ----------
    outcome
        Outcomes, (case,).
    day
        Evaluation day.
    counts
        How often each case is in each resample, (sample, case).
    """
    event_days = np.unique(outcome.time_days[outcome.event & (outcome.time_days <= day)])
    at_risk = counts @ under_risk(outcome, event_days).T.astype(float)
    is_event = outcome.event[:, None] & (outcome.time_days[:, None] == event_days[None, :])
    hazard = (counts @ is_event.astype(float)) / np.maximum(at_risk, 1)
    return np.asarray(1 - np.prod(1 - hazard, axis=1))
