"""Decision curves: what acting on a prediction gains over treating everybody or nobody, with censoring.

Enters: predicted probabilities of the event, outcomes, and the risks at which somebody would act. Leaves: net
benefit at each of them, and who moves across them from one prediction to another. A net benefit of .05 is
worth 5 more of 100 patients treated rightly, none of them wrongly (Vickers and Elkin 2006).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from fuse.metrics.at_days import event_share
from fuse.metrics.pooled import ratio
from fuse.outcomes.outcomes import Classes, Outcome

Counts = Float[np.ndarray, "sample case"]
Shares = Float[np.ndarray, " sample"]
#: Share with the event among some cases: their rows, and how often each of them counts.
EventShare = Callable[[Int[np.ndarray, " row"], Float[np.ndarray, "sample row"]], Shares]


def share_of_event(outcome: Outcome, day: float | None) -> EventShare:
    """Return how the share with the event is estimated among any of the cases.

    Kaplan-Meier by the day among them alone (Vickers et al. 2008), Aalen-Johansen where causes compete, the
    plain share of a yes without times. Where all of them are followed for less than `day` the curve keeps its
    last value.
    """

    def share(rows: Int[np.ndarray, " row"], counts: Float[np.ndarray, "sample row"]) -> Shares:
        if isinstance(outcome, Classes):
            return ratio(counts @ (outcome.label[rows] == 1).astype(float), counts.sum(axis=1))
        if day is None:
            raise TypeError("a time has a share with the event by some day only")
        return event_share(outcome.take(rows), day, counts)

    return share


def net_benefit(
    probability: Float[np.ndarray, " case"],
    thresholds: Float[np.ndarray, " threshold"],
    share: EventShare,
    counts: Counts,
) -> Float[np.ndarray, "sample threshold"]:
    """Return the net benefit of acting on all cases whose probability reaches a threshold.

    Parameters
    ----------
    probability
        Predicted probability of the event, (case,).
    thresholds
        Risks in (0, 1) at which one would act; whoever is at the threshold is flagged.
    share
        See `share_of_event`.
    counts
        How often each case is in each resample, (sample, case).

    Returns
    -------
    array
        (sample, threshold): flagged / all x (S - (1 - S) x odds of the threshold) with S the share with the
        event among the flagged; 0 where nobody is flagged. Vickers, Cronin, Elkin and Gonen, BMC Med Inform
        Decis Mak 8 (2008), 53.
    """
    columns = []
    for threshold in thresholds:
        rows = np.flatnonzero(probability >= threshold)
        columns.append(_benefit(rows, float(threshold), share, counts))
    return np.stack(columns, axis=1) if columns else np.zeros((len(counts), 0))


def treat_all(
    thresholds: Float[np.ndarray, " threshold"], share: EventShare, counts: Counts
) -> Float[np.ndarray, "sample threshold"]:
    """Return the net benefit of acting on everybody; that of acting on nobody is 0."""
    return net_benefit(np.ones(counts.shape[1]), thresholds, share, counts)


@dataclass(frozen=True, kw_only=True)
class Moved:
    """Who crosses a threshold from one prediction to another: cases of 100, and their share with the event.

    The shares are NaN where nobody moved.
    """

    up: float
    down: float
    event_share_up: float
    event_share_down: float


def reclassify(
    before: Float[np.ndarray, " case"], after: Float[np.ndarray, " case"], threshold: float, share: EventShare
) -> Moved:
    """Return who is flagged by one prediction and not by the other."""
    flagged, was = after >= threshold, before >= threshold
    up, down = flagged & ~was, was & ~flagged
    return Moved(
        up=100 * float(up.mean()),
        down=100 * float(down.mean()),
        event_share_up=_share_among(up, share),
        event_share_down=_share_among(down, share),
    )


def _benefit(
    rows: Int[np.ndarray, " row"], threshold: float, share: EventShare, counts: Counts
) -> Float[np.ndarray, " sample"]:
    if not len(rows):
        return np.zeros(len(counts))
    own = counts[:, rows]
    flagged = own.sum(axis=1) / counts.sum(axis=1)
    of_flagged = np.where(flagged > 0, share(rows, own), 0.0)
    return np.asarray(flagged * (of_flagged - (1 - of_flagged) * threshold / (1 - threshold)))


def _share_among(member: Bool[np.ndarray, " case"], share: EventShare) -> float:
    rows = np.flatnonzero(member)
    return float(share(rows, np.ones((1, len(rows))))[0]) if len(rows) else float("nan")
