"""What the command lines of both stages have in common: how they end, and how they print problems.

Enters: the verbs of a stage. Leaves: an exit status: 1 with one line where something failed that a user can
act on, 130 or 143 where a signal stopped it; what the verbs themselves decide stays as it is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from feature_cache.errors import BraidError, Problem
from feature_cache.stopping import stopped_by_signals


def run_verbs(verbs: Callable[[], object]) -> None:
    """Run a verb of a stage; see above for how it ends."""
    try:
        with stopped_by_signals():
            verbs()
    except BraidError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)


def problem_lines(problems: Sequence[Problem]) -> str:
    """Return two lines a problem: what it is, and what to do about it."""
    return "".join(
        f"{problem.level.upper():<8}{problem.where}: expected {problem.expected}; got {problem.got}.\n"
        f"        {problem.remedy}\n"
        for problem in problems
    )


def count_problems(problems: Sequence[Problem]) -> str:
    """Return how many problems there are to mend, and how many only warn."""
    failing = sum(problem.fails for problem in problems)
    return f"{failing} to mend, {len(problems) - failing} warning(s)"
