"""Everything that can be known to be wrong before a model is fitted.

Enters: a cohort, a cache and a protocol. Leaves: an `Inspection`: what a benchmark would run on, and one row
for every problem. `fuse check` prints it; `fuse benchmark` inspects the same way and refuses on an error.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from feature_cache.cohort import Cohort, inspect_cohort
from feature_cache.errors import Level, OutcomeError, Problem
from feature_cache.store import FeatureCache
from fuse.arm_plans import AbsentArm, ArmPlan, absent_arms, plan_arms, split_runnable
from fuse.features.feature_sets import ChosenSet, choose_feature_sets, later_modalities, names_of
from fuse.features.mixed_sources import mixed_sources
from fuse.files import file_stem
from fuse.folds.fold_choice import choose_folds, strangers
from fuse.folds.folds import Folds
from fuse.inspection.at_risk import not_at_risk
from fuse.inspection.horizon_in_use import horizon_in_use, not_reached
from fuse.inspection.lint import lint_folds, lint_inputs
from fuse.labels import candidates_of, choice_label
from fuse.metrics.censoring import Horizon
from fuse.models.card import CLASSES
from fuse.models.registry import card_of
from fuse.outcomes.endpoint import OutcomeDoor, choose_endpoint, inspect_outcomes
from fuse.outcomes.outcome_kinds import KINDS
from fuse.protocol import Protocol
from fuse.roles import selected_single_name
from fuse.verdict.words import counted

#: File systems take names of 255 bytes; the ending and room to write beside are taken off.
LONGEST_STEM = 240


@dataclass(frozen=True, kw_only=True)
class RunInputs:
    """What a run is made from. `folds_file` is a run's own folds.csv when that run is repeated."""

    cohort_folder: Path
    cache: Path
    protocol: Protocol
    folds_file: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What was found.

    `protocol` has its endpoint and feature sets filled in; `choices` are labels of modalities whose set each
    train part chooses. `folds` and `horizon` (the one in use, see `choose_horizon`) are None where none can
    be made. `absent` are the arms that it has no modality for.
    """

    cohort: Cohort
    cache: FeatureCache
    protocol: Protocol
    door: OutcomeDoor
    chosen: dict[str, ChosenSet]
    choices: tuple[str, ...]
    folds: Folds | None
    horizon: Horizon | None
    plans: tuple[ArmPlan, ...]
    absent: tuple[AbsentArm, ...]
    problems: list[Problem] = field(default_factory=list)

    def refuse_errors(self) -> Folds:
        """Return the folds, or raise the first error with the number of all."""
        failing = [problem for problem in self.problems if problem.fails]
        if failing or self.folds is None:
            first = failing[0]
            more = f" ({len(failing)} problems in all: `python -m fuse check`)" if len(failing) > 1 else ""
            raise OutcomeError(
                first.where, expected=first.expected, got=first.got, remedy=first.remedy + more
            )
        return self.folds

    def facts(self) -> Iterator[str]:
        """Say what there is, for `fuse check`."""
        outcome = self.door.strata()
        if len(outcome):
            yield f"endpoint {self.door.endpoint}: {counted(len(outcome), 'case')}, {self.door.counts()}"
            yield f"without an outcome, left out: {counted(len(self.door.without), 'case')}"
        if self.door.too_early:
            early = counted(len(self.door.too_early), "case")
            yield f"{self.door.clock.before}, left out: {early}"
        yield from self._about_time()
        for label, chosen in self.chosen.items():
            cases = {record.case_id for record in chosen.records} & set(self.door.case_ids)
            entries = counted(len(chosen.records), "entry", "entries")
            yield f"{label}: {chosen.name}, {entries}, {counted(len(cases), 'case')}"
        for label in self.choices:
            sets = ", ".join(candidates_of(label, self.chosen))
            yield f"{label}: chosen inside each train part among {sets}"
        if self.folds is not None:
            yield f"folds: {len(self.folds.folds)} ({self.folds.source}), sha256 {self.folds.sha256[:12]}"
            yield from self.folds.remarks
            late = self.door.enters_late
            runnable, reasons = split_runnable(self.plans, self.door.declared.kind, enters_late=late)
            yield "arms: " + ", ".join(plan.name for plan in runnable)
            for name, reason in reasons.items():
                yield f"not run: {name}, {reason}"
        for arm in self.absent:
            yield f"{'not run' if arm.declared else 'left out'}: {arm.plan.name}, {arm.reason}"

    def _about_time(self) -> Iterator[str]:
        """Say at which moment is predicted, what is not known by then, and who came later."""
        if self.cohort.moment is not None:
            start = f"time is counted from day {self.door.clock.start_days:g}"
            yield f"moment {self.cohort.moment}: day {self.cohort.card.prediction_day}, {start}"
        for modality, day in later_modalities(self.cache, self.cohort, self.chosen).items():
            yield f"{modality}: nothing of it is known by day {day}"
        if self.door.enters_late:
            late = counted(len(set(self.door.clock.entry_days) & set(self.door.case_ids)), "case")
            yield f"delayed entry: {late} at risk from a later day on"


def inspect_inputs(inputs: RunInputs, *, only_check: bool = False) -> Inspection:
    """Inspect cohort, outcomes, feature sets and folds.

    Parameters
    ----------
    only_check
        Nothing is going to be fitted: a modality with several feature sets is no error as long as nobody
        computes with one. What the values tell says `checked.py`, which reads them.

    Raises
    ------
    BraidError
        There is no readable card, no cache or no such endpoint: nothing else can be looked at then.
    """
    cohort, manifest_problems = inspect_cohort(inputs.cohort_folder)
    cohort = cohort.at(inputs.protocol.moment)
    cache = FeatureCache.open(inputs.cache)
    endpoint = choose_endpoint(cohort.card, inputs.protocol.endpoint)
    protocol = inputs.protocol.model_copy(update={"endpoint": endpoint})
    door, problems = inspect_outcomes(cohort, endpoint, protocol.also)
    problems = [
        *_concerning(manifest_problems),
        *problems,
        *not_at_risk(door),
        *_other_endpoints(cohort, (endpoint, *protocol.also)),
    ]
    several: Level = "warning" if only_check else "error"
    chosen, set_problems = choose_feature_sets(cache, cohort, protocol.feature_sets, several)
    protocol = protocol.model_copy(update={"feature_sets": names_of(chosen)})
    problems.extend(set_problems)
    problems.extend(warning for one in chosen.values() for warning in mixed_sources(one))
    problems.extend(_cases_without_entries(door, chosen))
    problems.extend(lint_inputs(cohort, door, protocol.also, chosen))
    choices = _choices(protocol, chosen)
    folds, horizon = None, None
    plans: tuple[ArmPlan, ...] = ()
    absent: tuple[AbsentArm, ...] = ()
    if not any(problem.fails for problem in problems):
        try:
            later = later_modalities(cache, cohort, chosen)
            plans, absent = _plan(protocol, (*chosen, *choices), cohort, later)
            _refuse_unlearnable(protocol, plans, door.declared.kind)
            folds = choose_folds(cohort, door, protocol, inputs.folds_file)
            problems.extend(lint_folds(folds, chosen))
            horizon = horizon_in_use(door, folds)
            problems.extend(not_reached(door, horizon) if horizon else ())
        except OutcomeError as error:
            folds = None
            problems.append(error.as_problem())
    problems.extend(strangers(cohort, protocol))
    if protocol.split == "file":  # the copy in the run folder stands beside the folds themselves
        protocol = protocol.model_copy(update={"folds_file": "folds.csv"})
    return Inspection(
        cohort=cohort,
        cache=cache,
        protocol=protocol,
        door=door,
        chosen=chosen,
        choices=choices,
        folds=folds,
        horizon=horizon,
        plans=plans,
        absent=absent,
        problems=problems,
    )


def _concerning(problems: list[Problem]) -> list[Problem]:
    """Keep errors of the tables, and gaps that an evaluation cannot do without."""
    return [
        problem
        for problem in problems
        if problem.level == "error" or problem.where.endswith("prediction_day")
    ]


def _other_endpoints(cohort: Cohort, used: Collection[str]) -> Iterator[Problem]:
    """Yield faulty rows of the other endpoints as warnings: they stop no evaluation of these."""
    for name, declared in cohort.card.endpoints.items():
        if name in used or declared.kind not in KINDS:
            continue
        for problem in inspect_outcomes(cohort, name)[1]:
            yield Problem(
                level="warning",
                where=problem.where,
                expected=problem.expected,
                got=problem.got,
                remedy=problem.remedy,
            )


def _cases_without_entries(door: OutcomeDoor, chosen: dict[str, ChosenSet]) -> Iterator[Problem]:
    for feature_set in chosen.values():
        lacking = sorted(set(door.case_ids) - {record.case_id for record in feature_set.records})
        if lacking:
            yield Problem(
                level="warning",
                where=f"cache: {feature_set.modality}/{feature_set.name}",
                expected=f"an entry for each of {len(door.case_ids)} cases",
                got=f"none for {len(lacking)}, the first is case {lacking[0]}",
                remedy="They stay in and are predicted from what they have.",
            )


def _choices(protocol: Protocol, chosen: Collection[str]) -> tuple[str, ...]:
    """Return the labels of the choices that the protocol leaves to each train part."""
    return tuple(choice_label(modality) for modality in protocol.choose if modality in chosen)


def _plan(
    protocol: Protocol, modalities: tuple[str, ...], cohort: Cohort, later: Mapping[str, int]
) -> tuple[tuple[ArmPlan, ...], tuple[AbsentArm, ...]]:
    """Return the arms, those without their modality apart; refuse what no model of the table can do."""
    fusion = [model for spec in protocol.fusion for model in (spec.model, *spec.over)]
    for model in (*(spec.model for spec in protocol.arms), *fusion):
        card_of(model)
    plans = plan_arms(protocol, modalities, cohort.card)
    absent = absent_arms(protocol, modalities, cohort.card, later)
    for plan in (*plans, *(arm.plan for arm in absent)):
        card = card_of(plan.model)
        card.check_options(dict(plan.options))
        card.check_modalities(plan.modalities)
    names = (*(plan.name for plan in plans), selected_single_name(plans))
    longest = max(map(file_stem, names), key=len)
    if len(longest) > LONGEST_STEM:
        raise OutcomeError(
            f"protocol {protocol.name}: feature_sets",
            expected=f"arms whose names have {LONGEST_STEM} characters at most, for their files' sake",
            got=f"{len(longest)} in {longest[:60]}…",
            remedy="Choose fewer feature sets at a time.",
        )
    if not plans:
        raise OutcomeError(
            f"protocol {protocol.name}",
            expected="at least one arm on what the cache has",
            got=", ".join(f"{arm.plan.name}: {arm.reason}" for arm in absent) or "no arm",
            remedy="Name another under `arms`, or extract the modality.",
        )
    return plans, absent


def _refuse_unlearnable(protocol: Protocol, plans: tuple[ArmPlan, ...], kind: str) -> None:
    """Refuse a protocol of which nothing but the null model learns this kind of endpoint."""
    learn = {plan.name for plan in plans if kind in card_of(plan.model).endpoints}
    if any(plan.name in learn and learn.issuperset(plan.bases) for plan in plans if plan.model != "null"):
        return
    others = "classes" if kind in CLASSES else "recommended, quick, full or torchfree"
    raise OutcomeError(
        f"protocol {protocol.name}",
        expected=f"at least one arm that learns a {kind} endpoint",
        got=", ".join(dict.fromkeys(plan.model for plan in plans)),
        remedy=f"Use --protocol {others}, or name another --endpoint.",
    )
