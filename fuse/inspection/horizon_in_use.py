"""The last day that an evaluation will reach, and which declared days it will not.

Enters: the declared endpoint with its outcomes, and the folds. Leaves: the horizon in use, and a warning for
each declaration that follow-up, or the horizon itself, does not reach.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from feature_cache.errors import Problem
from fuse.folds.folds import Folds
from fuse.metrics.censoring import Horizon, choose_horizon
from fuse.outcomes.endpoint import OutcomeDoor
from fuse.outcomes.outcomes import Classes
from fuse.verdict.words import join_words


def horizon_in_use(door: OutcomeDoor, folds: Folds) -> Horizon | None:
    """Return the horizon that the evaluation of the test parts will use, None for classes."""
    tested = np.unique(np.concatenate([fold.test for fold in folds.folds]))
    outcome, declared = door.strata().take(tested), door.horizon_days()
    return None if isinstance(outcome, Classes) or declared is None else choose_horizon(outcome, declared)


def not_reached(door: OutcomeDoor, horizon: Horizon) -> Iterator[Problem]:
    """Yield a warning where the declared horizon is cut, and where further days lie beyond the one in use."""
    if horizon.reason:
        yield Problem(
            level="warning",
            where=f"outcomes.csv: endpoint {door.endpoint}",
            expected=f"follow-up to the declared horizon, day {door.horizon_days():g}",
            got=f"follow-up to day {horizon.days:g}: {horizon.reason}",
            remedy=f"Day {horizon.days:g} is used. Is time_unit ({door.declared.time_unit}) the right one?",
        )
    beyond = [day for day in door.declared.horizons_days if day > horizon.days]
    if beyond:
        yield Problem(
            level="warning",
            where=f"cohort.yaml: endpoints.{door.endpoint}.horizons_days",
            expected=f"days up to the horizon in use, day {horizon.days:g}",
            got=join_words([f"day {day:g}" for day in beyond]),
            remedy="Their rows in metrics.csv will have no number. Drop them, or declare a later horizon.",
        )
