"""How a protocol's cases are divided: by sites, by a file, or evenly.

Enters: a cohort, the door of its outcomes, a protocol; for a run that is repeated, its own folds.csv. Leaves:
`Folds`, with a remark on what the file names beyond the cohort.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from feature_cache.cohort import Cohort
from feature_cache.errors import OutcomeError, Problem
from fuse.folds.fold_file import outside_cases, read_folds, unknown_cases
from fuse.folds.folds import FoldPlan, Folds, Strata, make_folds
from fuse.folds.site_folds import make_site_folds
from fuse.outcomes.endpoint import OutcomeDoor
from fuse.protocol import Protocol


def choose_folds(cohort: Cohort, door: OutcomeDoor, protocol: Protocol, own_file: Path | None) -> Folds:
    """Return the folds of a run.

    Parameters
    ----------
    own_file
        A run's own folds.csv, when that run is repeated: nothing else is asked then.

    Raises
    ------
    OutcomeError
        They cannot be made, or a file that says them cannot be used.
    """
    strata, plan = strata_of(cohort, door), plan_of(protocol)
    if own_file is not None:
        again = read_folds(own_file, door.case_ids, strata, plan)
        return replace(again, source=_first_source(cohort, protocol))
    if protocol.split == "sites":
        return make_site_folds(door.case_ids, strata, plan)
    if protocol.folds_file is not None:
        return _from_file(Path(protocol.folds_file), cohort, door, plan)
    path = cohort.folder / "folds.csv"
    if path.is_file():
        return read_folds(path, door.case_ids, strata, plan)
    return make_folds(door.case_ids, strata, plan)


def _first_source(cohort: Cohort, protocol: Protocol) -> Literal["made", "file", "sites"]:
    """Return where the folds of a run that is repeated came from, which its own folds.csv does not tell."""
    if protocol.split == "sites":
        return "sites"
    given = protocol.folds_file is not None or (cohort.folder / "folds.csv").is_file()
    return "file" if given else "made"


def strata_of(cohort: Cohort, door: OutcomeDoor) -> Strata:
    """Return what is spread evenly over the folds of the cases that are evaluated."""
    site_of = {row.case_id: row.site for row in cohort.cases}
    return Strata(outcome=door.strata(), sites=[site_of[case] for case in door.case_ids])


def plan_of(protocol: Protocol) -> FoldPlan:
    """Return how many folds a protocol asks for."""
    return FoldPlan(
        inner=protocol.inner, seed=protocol.seed, repeats=protocol.repeats or 1, folds=protocol.folds or 1
    )


def strangers(cohort: Cohort, protocol: Protocol) -> list[Problem]:
    """Return an error for each case of the cohort's own folds.csv that cases.csv does not have."""
    path = cohort.folder / "folds.csv"
    return unknown_cases(path, cohort.case_ids) if protocol.split == "auto" and path.is_file() else []


def _from_file(path: Path, cohort: Cohort, door: OutcomeDoor, plan: FoldPlan) -> Folds:
    if not path.exists():
        raise OutcomeError(
            "protocol: folds_file",
            expected="a file or a folder, relative to the protocol file",
            got=f"no {path}",
            remedy="Mend the path.",
        )
    folds = read_folds(path, door.case_ids, strata_of(cohort, door), plan)
    outside = outside_cases(path, cohort.case_ids)
    remark = f"{len(outside)} case(s) of {path.name} are not in the cohort and are passed over"
    return replace(folds, remarks=(remark,)) if outside else folds
