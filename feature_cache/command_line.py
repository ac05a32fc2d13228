"""What the command lines of both stages have in common: how they end, and how they print problems.

Enters: the verbs of a stage. Leaves: an exit status: 1 with one line where something failed that a user can
act on, 130 or 143 where a signal stopped it; what the verbs themselves decide stays as it is.
"""

from __future__ import annotations

import re
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


#: So many problems of one table that differ in their case alone are told; the others are counted.
TOLD_ALIKE = 3


def problem_lines(problems: Sequence[Problem]) -> str:
    """Return two lines a problem: what it is, and what to do about it.

    Of problems of one table that differ in nothing but where they are, the first few are told and the others
    counted: a column that was filled in wrongly is one thing to mend, not one a row.
    """
    alike: dict[tuple[str, ...], list[Problem]] = {}
    for problem in problems:
        table = re.split(r":| line ", problem.where, maxsplit=1)[0]
        words = (problem.level, table, problem.expected, problem.got, problem.remedy)
        alike.setdefault(words, []).append(problem)
    return "".join(_lines_of(group) for group in alike.values())


def _lines_of(alike: Sequence[Problem]) -> str:
    lines = "".join(
        f"{problem.level.upper():<8}{problem.where}: expected {problem.expected}; got {problem.got}.\n"
        f"        {problem.remedy}\n"
        for problem in alike[:TOLD_ALIKE]
    )
    more = len(alike) - TOLD_ALIKE
    return f"{lines}        (and {more} more like these, the last {alike[-1].where})\n" if more > 0 else lines


def count_problems(problems: Sequence[Problem]) -> str:
    """Return how many problems there are to mend, and how many only warn."""
    failing = sum(problem.fails for problem in problems)
    return f"{failing} to mend, {len(problems) - failing} warning(s)"
