"""Inverse-probability-of-censoring weights and the horizon up to which they can be trusted.

Enters: outcomes of the train part (for the censoring curve) and of the test part. Leaves: a weight for each
test case and day, with the number of weights that were capped, and the horizon in use with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from feature_cache.errors import OutcomeError
from fuse.metrics.kaplan_meier import estimate_observed
from fuse.outcomes.at_risk import count_not_entered
from fuse.outcomes.outcomes import Competing, Survival

WEIGHT_CAP = 20.0
"""No case counts for more than this many; reached where under 5 % of the train part are uncensored."""

SMALLEST_SHARE_AT_RISK = 0.10


@dataclass(frozen=True, kw_only=True)
class Horizon:
    """The last day that is evaluated; `reason` says why it is not the declared one (empty if it is)."""

    days: float
    reason: str


@dataclass(frozen=True, kw_only=True)
class CensoringWeights:
    """Weights of (case, time): a case known to have had the event, or known to be free of it, at each day.

    Both are 0 for a case that was censored before the day. A case that had another cause first is known to
    be free of the event of interest from then on. `beyond` (time,) is what everybody weighs who is followed
    beyond the day. `capped` (case,) marks cases with a weight that was cut to WEIGHT_CAP.
    """

    had_event: Float[np.ndarray, "case time"]
    event_free: Float[np.ndarray, "case time"]
    beyond: Float[np.ndarray, " time"]
    capped: Bool[np.ndarray, " case"]


def weigh(train: Survival, test: Survival, days: Float[np.ndarray, " time"]) -> CensoringWeights:
    """Weigh test cases by the train part's probability of being uncensored.

    Parameters
    ----------
    train, test
        Outcomes of the two parts of a fold.
    days
        Evaluation days (time,).

    Returns
    -------
    CensoringWeights
        1/G(event time) for events up to the day, 1/G(day) for cases followed beyond it, with G taken at the
        day itself as scikit-survival does (Graf et al. 1999, equation 7). After the last day of the train
        part G keeps its last value. Of competing causes G counts no cause as a censoring, and a case that
        had another cause by the day weighs 1/G(that time) (Schoop et al. 2011; Blanche et al. 2013).
    """
    observed = estimate_observed(_any_cause(train))
    share_at_event = observed.at(test.time_days)
    share_at_day = observed.at(days)
    by_day = test.time_days[:, None] <= days[None, :]
    had_event = test.event[:, None] & by_day
    other_first = by_day & ~had_event & _any_cause(test).event[:, None]
    event_free = ~by_day
    rare = 1 / WEIGHT_CAP
    seen = had_event | other_first
    cut = seen & (share_at_event < rare)[:, None] | event_free & (share_at_day < rare)[None, :]
    of_event, of_day = np.maximum(share_at_event, rare)[:, None], np.maximum(share_at_day, rare)[None, :]
    return CensoringWeights(
        had_event=had_event / of_event,
        event_free=event_free / of_day + other_first / of_event,
        beyond=1 / of_day[0],
        capped=np.any(cut, axis=1),
    )


def _any_cause(outcome: Survival) -> Survival:
    """Return whether and when anything happened: what ends the follow-up of a case without censoring it."""
    return replace(outcome, event=outcome.cause > 0) if isinstance(outcome, Competing) else outcome


def choose_horizon(outcome: Survival, declared_days: float) -> Horizon:
    """Return the declared horizon, or the last whole day that a tenth of the cases were followed beyond.

    Of competing causes it is a tenth of the cases that no other cause has taken by the day: of those all is
    known for good, so that they are no reason to stop earlier, nor one to go on where everybody else is
    lost. Depends on follow-up and other causes only, never on predictions, and is its own fixed point.

    Raises
    ------
    OutcomeError
        When not even one whole day remains.
    """
    declared = np.array([declared_days])
    (followed,), (open_still,) = (count.tolist() for count in _count_followed(outcome, declared))
    of = f"{open_still} cases" + (" without another cause" if isinstance(outcome, Competing) else "")
    if _is_enough(followed, open_still):
        return Horizon(days=declared_days, reason="")
    before = np.unique(np.ceil(outcome.time_days) - 1)
    candidates = before[(before >= 1) & (before <= declared_days)]
    reached = candidates[_is_enough(*_count_followed(outcome, candidates))]
    if not len(reached):
        raise OutcomeError(
            "horizon",
            expected=f"at least {SMALLEST_SHARE_AT_RISK:.0%} of {of} followed beyond one day",
            got=f"{followed} followed beyond day {declared_days:g}",
            remedy="Check the unit of the times in outcomes.csv.",
        )
    days = float(reached.max())
    reason = (
        f"only {followed} of {of} were followed beyond day {declared_days:g}; "
        f"day {days:g} is the last with at least {SMALLEST_SHARE_AT_RISK:.0%}"
    )
    return Horizon(days=days, reason=reason)


def _count_followed(
    outcome: Survival, days: Float[np.ndarray, " day"]
) -> tuple[Int[np.ndarray, " day"], Int[np.ndarray, " day"]]:
    """Return how many cases were followed beyond each day, and how many had no other cause by then.

    Whoever came under observation later than a day counts as neither.
    """
    others = outcome.time_days[outcome.cause > 1] if isinstance(outcome, Competing) else np.zeros(0)
    by_day, taken = (
        np.searchsorted(np.sort(times), days, side="right") for times in (outcome.time_days, others)
    )
    entered = len(outcome) - count_not_entered(outcome, days)
    return np.asarray(entered - by_day), np.asarray(entered - taken)


def _is_enough(
    followed: Int[np.ndarray, " day"] | int, open_still: Int[np.ndarray, " day"] | int
) -> Bool[np.ndarray, " day"]:
    """Return whether those followed are a tenth of those without another cause, and somebody at all."""
    return np.asarray(followed >= np.maximum(1, np.ceil(SMALLEST_SHARE_AT_RISK * np.asarray(open_still))))
