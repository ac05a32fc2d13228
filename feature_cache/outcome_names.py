"""Which column names usually hold an outcome, its time, or a treatment after day 0.

Enters: a name. Leaves: a suspicion, which a person settles: `scan` asks before it declares such a column, and
`check` warns of a variable of such a name.
"""

from __future__ import annotations

import re

_SUSPECT = re.compile(
    r"(^|_)(time|event|vital_status|death|dead|died|deceased|survival|os|pfs|dfs|bcr|recurrence|relapse|"
    r"follow_?up|censor\w*|outcome|days_to_\w+)(_|$)|^status$"
)


def looks_like_outcome(name: str) -> bool:
    """Return whether a column of this name is often no feature.

    Examples
    --------
    >>> looks_like_outcome("Follow-up (months)"), looks_like_outcome("Smoking status")
    (True, False)
    """
    return _SUSPECT.search(re.sub(r"[^a-z0-9]+", "_", name.lower())) is not None
