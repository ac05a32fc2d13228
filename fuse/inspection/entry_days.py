"""Whether cases came under observation after all that is known of them.

Enters: the door of outcomes, which knows on which day each case entered. Leaves: a warning that names the
first case whose `entry_day` is not before its time. Nobody is enrolled after the outcome: most often the
column counts from another day than the index event, or holds another unit.
"""

from __future__ import annotations

from collections.abc import Iterator

from feature_cache.errors import Problem
from fuse.outcomes.endpoint import OutcomeDoor
from fuse.verdict.words import counted


def entered_afterwards(door: OutcomeDoor) -> Iterator[Problem]:
    """Yield one warning for all cases that are left out because they entered on or after their time."""
    late = [case for case in door.too_early if case in door.clock.entry_days]
    if late:
        yield Problem(
            level="warning",
            where="cases.csv: entry_day",
            expected=f"a day before the event or the last observation of a case (endpoint {door.endpoint})",
            got=f"{counted(len(late), 'case')} with an entry_day on or after it, the first is case {late[0]}",
            remedy="They are left out. Does entry_day count in days after the index event?",
        )
