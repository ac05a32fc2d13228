"""Whether a manifest and the files it names can be used: every problem, not the first.

Enters: a cohort folder and the root of its files. Leaves: a table of problems that name case and file.
Headers are opened and values are parsed; pixels, times, events and folds are not looked at here.
"""

from __future__ import annotations

from pathlib import Path

from extract.check.days import day_problems, declared_day_problems
from extract.check.outcomes import outcome_problems
from extract.check.raw_files import file_problems
from extract.check.values import value_problems
from feature_cache.cohort import Cohort, inspect_cohort
from feature_cache.errors import Problem, table_error

__all__ = ["check", "refusals"]


def refusals(cohort: Cohort) -> list[Problem]:
    """Return what forbids to extract anything of a cohort: late or dateless declarations, copied outcomes.

    No file is opened. A single note or measurement that is late is no matter of the whole cohort: it is
    refused when it is built.
    """
    found = [*declared_day_problems(cohort), *outcome_problems(cohort)]
    return [problem for problem in found if problem.fails]


def check(folder: Path, root: Path) -> list[Problem]:
    """Check one cohort.

    Parameters
    ----------
    folder
        The folder with cohort.yaml and its tables.
    root
        What the paths in the tables are relative to.

    Returns
    -------
    list of Problem
        Errors, gaps of a drafted card, and warnings; empty if all is well.

    Raises
    ------
    ManifestError
        cohort.yaml itself cannot be read.
    """
    cohort, problems = inspect_cohort(folder)
    problems.extend(outcome_problems(cohort))
    problems.extend(day_problems(cohort))
    problems.extend(value_problems(cohort))
    if not root.is_dir():
        remedy = "Mend --root: the paths of the tables are relative to it."
        problems.append(table_error("root", "a folder with the raw files", "no such folder", remedy))
        return problems
    problems.extend(file_problems(cohort, root))
    return problems
