"""run.json: what a run was made from, so that every number in it can be traced and made again.

Enters: an inspection, the arms with what became of them, and the files of the run. Leaves: the record, with
the sha256 of every output. No clock and no host name is in it; paths are relative to the RUN folder,
which itself is given as seen from the checkout.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from feature_cache import origin
from feature_cache.canonical import sha256_of_file
from feature_cache.cohort import Cohort
from fuse.cases import Cases
from fuse.features.feature_sets import later_modalities
from fuse.features.set_record import describe_set
from fuse.folds.folds import Folds
from fuse.inspection.inspection import Inspection
from fuse.metrics.comparison import Roles
from fuse.outcomes.endpoint import OutcomeDoor
from fuse.outcomes.outcomes import Survival
from fuse.risk_scores import lacking_items
from fuse.run.arm_remedy import remedy_of

SCHEMA_VERSION = 1
RECORD = "run.json"
REPORT = "report.html"
PACKAGES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "scikit-survival",
    "xgboost-cpu",
    "xgboost",
    "torch",
    "pydantic",
    "zarr",
    "h5py",
)


@dataclass(frozen=True, kw_only=True)
class ArmRecord:
    """One arm of a run and what became of it."""

    name: str
    title: str
    model: str
    modalities: tuple[str, ...]
    status: Literal["done", "not_run"]
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Validates:
    """Which run is validated: its folder, its inspection, and which of its sets the other cohort lacks."""

    run: Path
    inside: Inspection
    lacking: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What run.json says beside the inspection. `out` is the final folder, which paths are relative to."""

    out: Path
    jobs: int
    folds: Folds
    arms: Sequence[ArmRecord]
    roles: Roles
    cases: Cases
    validates: Validates | None = None


def describe_run(inspection: Inspection, facts: RunFacts, folder: Path) -> dict[str, Any]:
    """Return the content of run.json for the files that lie in `folder`."""
    card, door, folds = inspection.cohort.card, inspection.door, facts.folds
    return {
        "schema_version": SCHEMA_VERSION,
        "cohort": {
            name: getattr(card, name)
            for name in ("name", "title", "index_event", "prediction_day", "licence", "citation")
        },
        **_describe_moment(inspection),
        **_describe_scores(inspection),
        "folder": _relative(facts.out, origin.CHECKOUT),
        "cohort_folder": _relative(inspection.cohort.folder, facts.out),
        "cache": _relative(inspection.cache.root, facts.out),
        "protocol": inspection.protocol.name,
        "endpoint": {
            "name": door.endpoint,
            "kind": door.declared.kind,
            "definition": door.declared.definition,
            "counts": door.counts(),
            "horizon_days": door.horizon_days(),
            "horizon_used_days": None if inspection.horizon is None else inspection.horizon.days,
        },
        "seed": inspection.protocol.seed,
        "jobs": facts.jobs,
        "braid": {"version": origin.own_version(), "commit": origin.commit()},
        "versions": versions(),
        "feature_sets": {
            label: describe_set(chosen, facts.cases.modalities[label])
            for label, chosen in inspection.chosen.items()
        },
        "folds": {
            "repeats": folds.repeats,
            "folds": len(folds.folds) // folds.repeats,
            "inner": inspection.protocol.inner,
            "sha256": folds.sha256,
            "source": folds.source,
            "split": inspection.protocol.split,
            "remarks": list(folds.remarks),
        },
        "validation": _describe_validated(facts.validates, facts.out),
        "flow": flow_of_cases(inspection.cohort, door, facts.cases),
        "arms": [asdict(arm) for arm in facts.arms],
        "left_out": [
            {"arm": arm.plan.name, "reason": arm.reason} for arm in inspection.absent if not arm.declared
        ],
        "comparators": {
            "clinical": facts.roles.clinical or None,
            "selected_single": facts.roles.selected_single or None,
            "published_score": facts.roles.published_score or None,
        },
        "failures": [
            {
                "what": f"arm {arm.name}",
                "expected": "what the protocol asks for",
                "got": arm.reason,
                "remedy": remedy_of(arm.reason),
            }
            for arm in facts.arms
            if arm.status == "not_run"
        ],
        "outputs": hash_outputs(folder),
    }


def _describe_scores(inspection: Inspection) -> dict[str, Any]:
    """Return the items that a published score had to do without, arm by arm; nothing where it has all."""
    lacking = {plan.name: lacking_items(plan.model, dict(plan.options)) for plan in inspection.plans}
    told = {name: list(items) for name, items in lacking.items() if items}
    return {"score_lacks": told} if told else {}


def _describe_moment(inspection: Inspection) -> dict[str, Any]:
    """Return from when cases were followed, where that is not from the index event on as everybody."""
    cohort, door = inspection.cohort, inspection.door
    told: dict[str, Any] = {}
    if cohort.moment is not None:
        others = [{"name": name, "day": day} for name, day in cohort.card.moments.items()]
        told["moment"] = {
            "name": cohort.moment,
            "day": cohort.card.prediction_day,
            "clock_starts_day": door.clock.start_days,
            "of_moments": others,
            "not_known_yet": list(later_modalities(inspection.cache, cohort, inspection.chosen)),
        }
    if door.enters_late:
        entered = door.training(door.case_ids)
        assert isinstance(entered, Survival) and entered.entry_days is not None
        told["entered_late"] = int((entered.entry_days > 0).sum())
    return told


def _describe_validated(validates: Validates | None, out: Path) -> dict[str, Any] | None:
    if validates is None:
        return None
    inside = validates.inside
    return {
        "run": _relative(validates.run, out),
        "cohort": inside.cohort.name,
        "title": inside.cohort.card.title,
        "cohort_folder": _relative(inside.cohort.folder, out),
        "cache": _relative(inside.cache.root, out),
        "cases": len(inside.door.case_ids),
        "entries": {label: chosen.entries_sha256 for label, chosen in inside.chosen.items()},
        "lacking": list(validates.lacking),
    }


def hash_outputs(folder: Path) -> dict[str, str]:
    """Return path -> sha256 of every file of a run but its record and its page."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): sha256_of_file(path)
        for path in paths
        if path.name not in (RECORD, REPORT)
    }


def flow_of_cases(cohort: Cohort, door: OutcomeDoor, cases: Cases) -> list[dict[str, Any]]:
    """Return how many cases and events are left after each step, and have each modality."""
    outcome = door.strata()

    def step(name: str, rows: Any) -> dict[str, Any]:
        return {"step": name, "cases": int(rows.sum()), "events": outcome.take(np.flatnonzero(rows)).n_events}

    flow: list[dict[str, Any]] = [
        {"step": "in the manifest", "cases": len(cohort.case_ids), "events": None},
        {"step": "without an outcome, left out", "cases": len(door.without), "events": None},
    ]
    if door.landmark_days > 0 or door.too_early:
        text = f"{door.clock.before}, when nothing is predicted yet, left out"
        flow.append({"step": text, "cases": len(door.too_early), "events": None})
    flow.append(step("evaluated", np.ones(len(outcome), dtype=bool)))
    flow += [step(f"evaluated, with {name}", modality.present) for name, modality in cases.modalities.items()]
    return flow


def versions() -> dict[str, str]:
    """Return the versions that decide the bits of a prediction, and the type of machine."""
    return origin.versions(PACKAGES)


def _relative(path: Path, out: Path) -> str:
    return Path(os.path.relpath(path.absolute(), out.absolute())).as_posix()
