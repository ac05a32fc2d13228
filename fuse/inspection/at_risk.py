"""Whether those who are predicted were at risk on the day of the prediction.

Enters: the door of outcomes, which knows on which day each case entered. Leaves: warnings. Nobody is enrolled
after the outcome: most often `entry_day` counts from another day than the index event, or holds another
unit. And a yes or no has no day: whether it was known before a later moment cannot be seen.
"""

from __future__ import annotations

from collections.abc import Iterator

from feature_cache.errors import Problem
from fuse.outcomes.endpoint import OutcomeDoor
from fuse.verdict.words import counted


def not_at_risk(door: OutcomeDoor) -> Iterator[Problem]:
    """Yield a warning of cases that entered on or after their time, and of classes at a later moment."""
    if not door.has_times and door.clock.landmark_days > 0:
        yield Problem(
            level="warning",
            where=f"outcomes.csv: endpoint {door.endpoint}",
            expected=f"an endpoint with times, to leave out who had it by day {door.clock.landmark_days:g}",
            got=f"{door.declared.kind}: an outcome without a day",
            remedy="All cases stay in, those who had it before too. Declare its time if there is one.",
        )
    late = [case for case in door.too_early if case in door.clock.entry_days]
    if late:
        yield Problem(
            level="warning",
            where="cases.csv: entry_day",
            expected=f"a day before the event or the last observation of a case (endpoint {door.endpoint})",
            got=f"{counted(len(late), 'case')} with an entry_day on or after it, the first is case {late[0]}",
            remedy="They are left out. Does entry_day count in days after the index event?",
        )
