"""The leak lint of a benchmark: refused on an error before a fit, written down with the run.

Enters: the inspection and the cases that were read. Leaves: an error, or lint.csv of the RUN folder, one row
for everything that named a leak; and, once the metrics are there, a row for each result that is above the
ceiling of its endpoint while a field may derive from the outcome, with what the same arm reaches on outcomes
dealt anew, where the protocol asked for that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from feature_cache.errors import OutcomeError, Problem
from fuse.cases import Cases
from fuse.files import read_csv, write_csv
from fuse.inspection.declared_leaks import suspects_by_name
from fuse.inspection.inspection import Inspection
from fuse.inspection.leaks import Suspect, leak, leak_of, named
from fuse.inspection.lint import lint_values
from fuse.inspection.pooled_items import items_of_cases
from fuse.replicates.permutation_tests import ROUNDING, share_as_high
from fuse.replicates.run_replicates import REPLICATES
from fuse.verdict.words import PRIMARY, counted, join_words

LINT = "lint.csv"
COLUMNS = ("leak", "level", "where", "expected", "got", "remedy")

#: Leaks of a column: who has one of these by a warning may derive from the outcome.
OF_COLUMNS = ("outcome-as-feature", "follow-up-as-feature", "missing-by-outcome", "post-operative-psa")


def lint_run(inspection: Inspection, cases: Cases) -> tuple[Problem, ...]:
    """Return every problem that names a leak, found before or in the values of `cases`.

    Raises
    ------
    OutcomeError
        One of them is an error; the first is said, with the number of all.
    """
    found = tuple(lint_values(cases, items_of_cases(cases, inspection.chosen), inspection.door))
    failing = [problem for problem in found if problem.fails]
    if failing:
        first = failing[0]
        more = f" ({len(failing)} problems in all: `python -m fuse check`)" if len(failing) > 1 else ""
        raise OutcomeError(first.where, expected=first.expected, got=first.got, remedy=first.remedy + more)
    return tuple(problem for _, problem in named((*inspection.problems, *found)))


def write_lint(folder: Path, inspection: Inspection, found: Sequence[Problem]) -> None:
    """Write lint.csv: what was found before the run, and what metrics.csv of `folder` is too good for."""
    rows = [
        (leak_of(problem), problem.level, problem.where, problem.expected, problem.got, problem.remedy)
        for problem in (*found, *too_good(folder, inspection, found))
    ]
    write_csv(folder / LINT, COLUMNS, rows)


def too_good(folder: Path, inspection: Inspection, found: Sequence[Problem]) -> Iterator[Problem]:
    """Yield a warning for each arm above the endpoint's ceiling that has a field to explain it.

    A high C by itself is no sign: honest nomograms reach .88. Nothing is said where cohort.yaml declares no
    `ceiling`, and nothing of an arm whose modalities have no suspect.
    """
    ceiling = inspection.door.declared.ceiling
    if ceiling is None:
        return
    suspects = [*suspects_by_name(inspection.chosen), *_suspects_found(inspection, found)]
    arms = {plan.name: plan.modalities for plan in inspection.plans}
    for row in read_csv(folder / "metrics.csv")[1]:
        if row["metric"] not in PRIMARY or not row["estimate"] or float(row["estimate"]) <= ceiling:
            continue
        columns = sorted({one.column for one in suspects if one.modality in arms.get(row["arm"], ())})
        if columns:
            got = f"{float(row['estimate']):.3f}, with {join_words(columns)} among its features"
            told, remedy = _against_the_null(folder, row["arm"])
            got += told
            expected = f"no more than the {ceiling:g} that is reported elsewhere"
            yield leak("too-good", f"metrics.csv: {row['arm']}", (expected, got, remedy), "warning")


def _against_the_null(folder: Path, arm: str) -> tuple[str, str]:
    """Return what the arm reaches where outcomes were dealt anew, and what is to be looked at therefore.

    There a column that holds the outcome holds it no more; a leak of the evaluation itself (cases in two
    parts, something fitted on all) stays.
    """
    remedy = "Find out when and how these are made. If from the outcome, move them to `excluded`."
    path = folder / REPLICATES
    of_arm = [row for row in read_csv(path)[1] if row["arm"] == arm] if path.is_file() else []
    own = [float(row["c"]) for row in of_arm if row["kind"] == "as_it_is"]
    altered = [float(row["c"]) for row in of_arm if row["kind"] == "permutation"]
    if not (own and altered):
        return "", remedy
    p = share_as_high(own[0], altered)
    cohorts = f"{counted(len(altered), 'cohort')} with outcomes dealt anew"
    told = f"; {max(altered):.3f} at most on {cohorts} (p {p:.2g})"
    if max(altered) >= own[0] - ROUNDING:
        remedy = (
            "It is as high where no column can hold the outcome: look for cases in two parts and for what "
            "was fitted on all cases first."
        )
    return told, remedy


def _suspects_found(inspection: Inspection, found: Sequence[Problem]) -> Iterator[Suspect]:
    """Yield the columns of which a warning says that they may derive from the outcome."""
    for problem in found:
        if leak_of(problem) in OF_COLUMNS and ": column " in problem.where:
            place, column = problem.where.removeprefix("cache: ").split(": column ", 1)
            for label, chosen in inspection.chosen.items():
                if place in (label, f"{label}/{chosen.name}"):
                    yield Suspect(modality=label, column=column)
