"""Whether an outcome stands among the features.

Enters: the card and the columns of clinical.csv. Leaves: a problem for every excluded column that is there
or declared, and for every variable that has the name of an endpoint, and a warning for one that is named as
outcomes usually are. No outcome is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from feature_cache.cohort import Cohort
from feature_cache.errors import Problem, table_error
from feature_cache.outcome_names import looks_like_outcome


def outcome_problems(cohort: Cohort) -> Iterator[Problem]:
    """Yield one row for every column that may not be beside the features."""
    card = cohort.card
    columns = {column for row in cohort.clinical.values() for column in row}
    for name in sorted(columns & set(card.excluded)):
        yield table_error(
            f"clinical.csv: {name}",
            "no column that cohort.yaml excludes",
            f"an outcome or treatment in disguise ({card.excluded[name]})",
            "Take the column out; outcomes belong into outcomes.csv.",
        )
    for name in sorted({row.variable for row in cohort.measurements} & set(card.excluded)):
        yield table_error(
            f"measurements.csv: {name}",
            "no variable that cohort.yaml excludes",
            f"an outcome or treatment in disguise ({card.excluded[name]})",
            "Take its rows out.",
        )
    endpoints = {_plain(name): name for name in card.endpoints}
    for name in card.variables:
        endpoint = endpoints.get(re.sub(r"_(days|months|years|time|event)$", "", _plain(name)))
        if name in card.excluded:
            continue
        if endpoint is None and looks_like_outcome(name):
            yield Problem(
                level="warning",
                where=f"cohort.yaml: variables.{name}",
                expected="a variable that is no outcome",
                got="a name that outcomes, their times or later treatments often have",
                remedy="If it is one, move it to excluded.",
            )
        if endpoint is not None:
            yield table_error(
                f"cohort.yaml: variables.{name}",
                "a variable that is no outcome",
                f"the name of the endpoint {endpoint}",
                "Take it out of variables, or rename it if it is another thing.",
            )


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
