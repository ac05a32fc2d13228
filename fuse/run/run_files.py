"""What a run writes once its folds are fitted: predictions and their seal first, evidence after.

Enters: the results of all folds, and what they were fitted on. Leaves: every file of the RUN folder but the
record and the page. A benchmark and a validation write the same files here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from fuse.arm_plans import AbsentArm, ArmPlan, split_runnable
from fuse.cases import Cases
from fuse.checklists.checklist_files import write_checklists
from fuse.checklists.run_known import RunKnown
from fuse.evidence.added_value import AddedValue, open_cases, write_added_value
from fuse.evidence.evidence import Evaluation, curve_arm, evaluate_run
from fuse.evidence.rungs import DayInUse, rungs_of, stacked_arm
from fuse.explain.attention_view import write_attention
from fuse.explain.fusion_weights import write_fusion_weights
from fuse.explain.modality_values import seal_subsets, write_modality_values
from fuse.explain.volume_view import choose_case, write_volumes
from fuse.files import write_csv, write_text
from fuse.fitting import FoldResult
from fuse.folds.folds import Folds
from fuse.inspection.inspection import Inspection
from fuse.metrics.comparison import Roles
from fuse.outcomes.endpoint import OutcomeDoor
from fuse.replicates.run_replicates import Refitting, run_replicates, write_replicates
from fuse.risk_scores import MAGGIC_INPUTS, lacking_items
from fuse.roles import SELECTED_SINGLE, assign_roles, drop_silent, selectable, selected_single_name
from fuse.run.cuts_file import write_cuts
from fuse.run.entries_file import write_entries
from fuse.run.inner_pairs_file import inner_pairs_by_arm, write_inner_pairs
from fuse.run.run_record import ArmRecord, Validates
from fuse.run.sealing import seal_predictions


@dataclass(frozen=True, kw_only=True)
class FittedRun:
    """Everything that is there before a file of evidence is written.

    `cases` are those that are tested, `external` where they are of another cohort than those of the train
    part. `plans` are the arms that ran, `arms` what became of all. `refitting` says how altered cohorts are
    fitted, None where none can be.
    """

    inspection: Inspection
    folds: Folds
    cases: Cases
    plans: tuple[ArmPlan, ...]
    arms: tuple[ArmRecord, ...]
    times_days: Float[np.ndarray, " time"]
    results: Sequence[FoldResult]
    external: bool = False
    refitting: Refitting | None = None


@dataclass(frozen=True, kw_only=True)
class Computed:
    """What a run computed, its files being in its folder (run.json and the page excepted).

    `validates` is there where it is a validation of another run.
    """

    inspection: Inspection
    cases: Cases
    folds: Folds
    arms: tuple[ArmRecord, ...]
    roles: Roles
    validates: Validates | None = None


def record_arms(
    plans: Sequence[ArmPlan], absent: Sequence[AbsentArm], door: OutcomeDoor
) -> tuple[tuple[ArmPlan, ...], tuple[ArmRecord, ...]]:
    """Return the arms that run here, and records of all, those that do not run with the reason."""
    runnable, reasons = split_runnable(plans, door.declared.kind, enters_late=door.enters_late)
    not_extracted = {arm.plan: arm.reason for arm in absent if arm.declared}
    reasons |= {plan.name: reason for plan, reason in not_extracted.items()}
    return runnable, tuple(_arm_record(plan, reasons) for plan in (*plans, *not_extracted))


def write_run_inputs(folder: Path, inspection: Inspection, folds: Folds) -> None:
    """Make the folder and write what the run starts from."""
    folder.mkdir(parents=True)
    write_text(folder / "protocol.yaml", inspection.protocol.yaml_text())
    write_text(folder / "folds.csv", folds.csv_text())
    write_entries(folder / "entries.csv", inspection.chosen)


def write_run_files(folder: Path, run: FittedRun) -> Computed:
    """Write and seal the predictions, open the outcomes of the test parts, and write everything else."""
    inspection, folds, cases, results = run.inspection, run.folds, run.cases, run.results
    sealed = seal_predictions(folder, results, folds, run.times_days, inspection.door.classes)
    horizon = inspection.horizon
    day = DayInUse(days=None if horizon is None else horizon.days, times_days=run.times_days)
    sealed_subsets = seal_subsets(folder, results, folds, day.of_event)
    _write_chosen(folder / "chosen.csv", results)
    write_inner_pairs(folder, results)
    cuts = write_cuts(folder / "cuts.csv", results, inspection.door)
    selected = selected_single_name(run.plans)
    silent = {label for label, modality in cases.modalities.items() if not modality.present.any()}
    chosen = {result.arms[selected].chosen for result in results} if selected else set()
    roles = drop_silent(assign_roles(inspection.protocol, run.plans, selected), silent, chosen)
    arms = (*run.arms, *((_selected_record(selected, run.plans),) if selected else ()))
    replicated = None
    if run.refitting is not None and run.refitting.asked:
        opened = inspection.door.evaluation(folds.case_ids, dict(sealed.values()))
        replicated = run_replicates(run.refitting, opened, roles, run.times_days)
    if replicated is not None:
        write_replicates(folder, replicated, roles)
    evaluated = evaluate_run(
        Evaluation(
            folder=folder,
            door=inspection.door,
            folds=folds,
            roles=roles,
            titles={arm.name: arm.title for arm in arms},
            seed=inspection.protocol.seed,
            external=run.external,
            refits={} if replicated is None else replicated.refits,
            cuts=cuts,
            inner_pairs=inner_pairs_by_arm(results),
        ),
        sealed,
        _cuts(results, curve_arm(roles, list(sealed))),
    )
    write_fusion_weights(folder, results, folds, cases)
    write_modality_values(results, folds, inspection.door, sealed_subsets)
    write_added_value(
        folder,
        AddedValue(
            rungs=rungs_of(roles, results, day, stacked_arm(run.plans)),
            tested=open_cases(
                folds,
                inspection.door,
                dict(sealed.values()) | sealed_subsets,
                day.days,
                seed=inspection.protocol.seed,
                external=run.external,
            ),
            evaluated=evaluated,
            roles=roles,
            thresholds=np.array(inspection.door.declared.thresholds),
        ),
    )
    write_attention(folder / "attention.json", results, inspection.cache, inspection.chosen)
    shown = choose_case(_volume_arms(inspection, run.plans), results, folds, cases)
    write_volumes(folder / "volumes.json", shown, inspection.cache, inspection.chosen)
    write_checklists(
        folder,
        RunKnown(
            inspection=inspection,
            folds=folds,
            cases=cases,
            titles={arm.name: arm.title for arm in arms if arm.status == "done"},
            not_run={arm.name: arm.reason for arm in arms if arm.status == "not_run"},
            roles=roles,
            evaluated=evaluated,
            external=run.external,
        ),
    )
    return Computed(inspection=inspection, cases=cases, folds=folds, arms=arms, roles=roles)


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
    if lacking := lacking_items(plan.model, dict(plan.options)):
        title += f", {len(MAGGIC_INPUTS) - len(lacking)} of {len(MAGGIC_INPUTS)} items"
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
