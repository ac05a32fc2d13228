"""What of a run the facts are taken from.

Enters: what the run was made from, and what its evaluation gave. Leaves: one frozen value for the files of
facts. Nothing is computed twice and nothing is guessed: what is not here is left to people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fuse.cases import Cases
from fuse.checklists.item import Study
from fuse.evidence.evaluation_plan import Evaluated
from fuse.folds.folds import Folds
from fuse.inspection.inspection import Inspection
from fuse.metrics.comparison import Roles


@dataclass(frozen=True, kw_only=True)
class RunKnown:
    """A run after its evaluation.

    `cases` are those that were tested; `titles` the names of the arms that ran, `not_run` the reasons why
    others did not.
    """

    inspection: Inspection
    folds: Folds
    cases: Cases
    titles: Mapping[str, str]
    not_run: Mapping[str, str]
    roles: Roles
    evaluated: Evaluated
    external: bool

    @property
    def study(self) -> Study:
        """Development with internal validation, or the evaluation on another cohort."""
        return "evaluation" if self.external else "development"


def listed(names: Sequence[str], most: int = 12) -> str:
    """Return names in one line, the first ones of many."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
