"""A benchmark from inputs to a RUN folder: predict first, seal, evaluate after.

Enters: inputs that `check.py` has nothing against. Leaves: the RUN folder, written beside under a temporary
name and moved into place when it is whole. This file only says what follows what.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from feature_cache.errors import OutcomeError
from fuse.arm_plans import ArmPlan, split_runnable
from fuse.attention_view import write_attention
from fuse.cases import Cases, FoldPrediction
from fuse.cases_file import save_cases
from fuse.check import Inspection, RunInputs, inspect_inputs
from fuse.entries_file import write_entries
from fuse.evidence import Evaluation, curve_arm, evaluate_run
from fuse.files import write_csv, write_json, write_text
from fuse.fitting import FoldResult, FoldTask
from fuse.folds import Folds
from fuse.fusion_weights import write_fusion_weights
from fuse.kept_folds import KeptFolds, identity_of
from fuse.metrics.comparison import Roles
from fuse.models.choice import add_choices
from fuse.predictions import prediction_file, write_predictions
from fuse.roles import SELECTED_SINGLE, assign_roles, selectable, selected_single_name
from fuse.run_place import run_place
from fuse.run_record import RECORD, ArmRecord, RunFacts, describe_run, versions
from fuse.table import read_cases
from fuse.volume_view import choose_case, write_volumes
from fuse.workers import fit_folds

#: Probabilities of no event are predicted at this many days, evenly up to the horizon.
PREDICTED_TIMES = 24


@dataclass(frozen=True, kw_only=True)
class Computed:
    """What a run computed, its files being in `folder` (run.json and the page excepted)."""

    inspection: Inspection
    cases: Cases
    folds: Folds
    arms: tuple[ArmRecord, ...]
    roles: Roles


def run_benchmark(inputs: RunInputs, out: Path, jobs: int) -> tuple[ArmRecord, ...]:
    """Run a benchmark into the new folder `out` and return what became of its arms.

    Raises
    ------
    BraidError
        `out` holds something, the inputs have an error, an entry is damaged. Nothing is left behind but the
        folds that were fitted, for the same run to go on from.
    """
    from fuse.report import write_report

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutcomeError(
            f"--out {out}",
            expected="a new folder",
            got="one that holds something",
            remedy="Give another name, or take the old run away.",
        )
    with run_place(out) as place:
        folder = place.folder / out.absolute().name
        computed = compute_run(inputs, folder, jobs, place.kept)
        facts = RunFacts(
            out=out,
            jobs=jobs,
            folds=computed.folds,
            arms=computed.arms,
            roles=computed.roles,
            cases=computed.cases,
        )
        write_json(folder / RECORD, describe_run(computed.inspection, facts, folder))
        write_report(folder)
        if out.exists():
            out.rmdir()
        folder.rename(out.absolute())
    return computed.arms


def compute_run(inputs: RunInputs, folder: Path, jobs: int, kept: Path) -> Computed:
    """Compute every file of a run but its record and its page into `folder`; `kept` is for fitted folds."""
    inspection = inspect_inputs(inputs)
    folds = inspection.refuse_errors()
    plans, reasons = split_runnable(inspection.plans)
    not_extracted = {arm.plan: arm.reason for arm in inspection.absent if arm.declared}
    reasons |= {plan.name: reason for plan, reason in not_extracted.items()}
    arms = tuple(_arm_record(plan, reasons) for plan in (*inspection.plans, *not_extracted))
    folder.mkdir(parents=True)
    write_text(folder / "protocol.yaml", inspection.protocol.yaml_text())
    write_text(folder / "folds.csv", folds.csv_text())
    write_entries(folder / "entries.csv", inspection.chosen)
    with tempfile.TemporaryDirectory(prefix="scratch-", dir=folder.parent) as name:
        scratch = Path(name)
        cases = read_cases(inspection.cache, inspection.chosen, folds.case_ids, scratch)
        cases = add_choices(cases, inspection.choices)
        save_cases(cases, scratch)
        tasks = _tasks(inspection, folds, plans)
        identity = identity_of(tasks, inspection.chosen, folds.sha256, versions())
        results = fit_folds(tasks, scratch, jobs, KeptFolds(kept, identity))
    sealed = _write_predictions(folder, results, folds, inspection)
    _write_chosen(folder / "chosen.csv", results)
    selected = selected_single_name(plans)
    roles = assign_roles(inspection.protocol, plans, selected)
    arms += (_selected_record(selected, plans),) if selected else ()
    evaluate_run(
        Evaluation(
            folder=folder,
            door=inspection.door,
            folds=folds,
            roles=roles,
            titles={arm.name: arm.title for arm in arms},
            seed=inspection.protocol.seed,
        ),
        sealed,
        _cuts(results, curve_arm(roles, list(sealed))),
    )
    write_fusion_weights(folder, results, folds, cases)
    write_attention(folder / "attention.json", results, inspection.cache, inspection.chosen)
    shown = choose_case(_volume_arms(inspection, plans), results, folds, cases)
    write_volumes(folder / "volumes.json", shown, inspection.cache, inspection.chosen)
    return Computed(inspection=inspection, cases=cases, folds=folds, arms=arms, roles=roles)


def prediction_times(horizon_days: float) -> Float[np.ndarray, " time"]:
    """Return whole days spread evenly up to the horizon, which itself is the last."""
    days = np.unique(np.round(np.linspace(0.0, horizon_days, PREDICTED_TIMES + 1)[1:]))
    return np.append(days[(days > 0) & (days <= horizon_days - 1)], horizon_days)


def _tasks(inspection: Inspection, folds: Folds, plans: tuple[ArmPlan, ...]) -> list[FoldTask]:
    times = prediction_times(inspection.door.horizon_days())
    return [
        FoldTask(
            fold=fold,
            outcome=inspection.door.training([folds.case_ids[row] for row in fold.train]),
            plans=plans,
            times_days=times,
            seed=inspection.protocol.seed,
        )
        for fold in folds.folds
    ]


def _write_predictions(
    folder: Path, results: Sequence[FoldResult], folds: Folds, inspection: Inspection
) -> dict[str, tuple[Path, str]]:
    """Write and seal one file an arm; from here on outcomes of test parts may be opened."""
    times = prediction_times(inspection.door.horizon_days())
    sealed = {}
    for arm in results[0].arms:
        path = folder / prediction_file(arm)
        predictions = [
            FoldPrediction(
                repeat=fold.repeat,
                fold=fold.fold,
                case_ids=tuple(folds.case_ids[row] for row in fold.test),
                risk=result.arms[arm].risk,
                times_days=times,
                event_free=result.arms[arm].probability,
            )
            for fold, result in zip(folds.folds, results, strict=True)
        ]
        sealed[arm] = path, write_predictions(path, predictions)
    return sealed


def _write_chosen(path: Path, results: Sequence[FoldResult]) -> None:
    """Write what each arm chose inside each train part; the selected single modality chose an arm."""
    rows = [
        (result.repeat, result.fold, name, arm.chosen)
        for result in results
        for name, arm in result.arms.items()
    ]
    write_csv(path, ("repeat", "fold", "arm", "chosen"), rows)


def _volume_arms(inspection: Inspection, plans: Sequence[ArmPlan]) -> dict[str, str]:
    """Return the arms on one feature set of volumes, and its label."""
    alone = {plan.name: plan.modalities[0] for plan in plans if len(plan.modalities) == 1}
    volumes = {label for label, feature_set in inspection.chosen.items() if feature_set.kind == "volume"}
    return {arm: label for arm, label in alone.items() if label in volumes}


def _cuts(results: Sequence[FoldResult], arm: str) -> dict[tuple[int, int], float]:
    return {(result.repeat, result.fold): result.arms[arm].train_median for result in results}


def _arm_record(plan: ArmPlan, reasons: dict[str, str]) -> ArmRecord:
    from fuse.models.registry import MODEL_CARDS

    # how a model is fitted stands in brackets on its card; a name for tables and sentences does without
    title = MODEL_CARDS[plan.model].title.split(" (")[0]
    return ArmRecord(
        name=plan.name,
        title=f"{title}: {' + '.join(plan.modalities)}" if plan.modalities else title,
        model=plan.model,
        modalities=plan.modalities,
        status="not_run" if plan.name in reasons else "done",
        reason=reasons.get(plan.name, ""),
    )


def _selected_record(name: str, plans: Sequence[ArmPlan]) -> ArmRecord:
    return ArmRecord(
        name=name,
        title="Single modality, selected inside each train part",
        model=SELECTED_SINGLE,
        modalities=selectable(plans),
        status="done",
    )
