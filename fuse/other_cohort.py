"""The cohort that a run is validated on: its feature sets are those of the run, by the hash of the recipe.

Enters: the inspection of the run, and where the other cohort and its cache are. Leaves: an `Inspection` of
the other cohort, or the first thing that stands against it. What is learned from stays behind the run's door.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from feature_cache.cohort import Cohort, inspect_cohort
from feature_cache.entry import EntryRecord
from feature_cache.errors import OutcomeError, Problem
from feature_cache.store import FeatureCache
from fuse.features.feature_sets import ChosenSet, choose_feature_sets
from fuse.inspection.inspection import Inspection
from fuse.metrics.censoring import Horizon, choose_horizon
from fuse.outcomes.endpoint import OutcomeDoor, choose_endpoint, inspect_outcomes
from fuse.outcomes.outcomes import Classes, Competing, Outcome


class ValidationDoor(OutcomeDoor):
    """The door of the other cohort; what is learned from, and the horizon, are those of the run's."""

    def __init__(self, inside: OutcomeDoor, outside: OutcomeDoor) -> None:
        self.__dict__.update(vars(outside))
        self._inside = inside

    def training(self, case_ids: Sequence[str]) -> Outcome:
        """Return outcomes of the run's cohort."""
        return self._inside.training(case_ids)

    def horizon_days(self) -> float | None:
        """Return the horizon that was fixed for the run."""
        return self._inside.horizon_days()


def inspect_other(inside: Inspection, cohort_folder: Path, cache_folder: Path) -> Inspection:
    """Inspect the other cohort as the run needs it; `folds` are left open.

    Raises
    ------
    BraidError
        Its manifest, outcomes or entries have an error, its endpoint is of another kind, or it has feature
        sets of other recipes only.
    """
    cohort, manifest = inspect_cohort(cohort_folder)
    cohort = cohort.at(inside.protocol.moment)
    _refuse_other_moment(inside.cohort, cohort)
    cache = FeatureCache.open(cache_folder)
    endpoint = choose_endpoint(cohort.card, inside.protocol.endpoint)
    door, problems = inspect_outcomes(cohort, endpoint)
    _refuse_first([*(problem for problem in manifest if problem.level == "error"), *problems])
    _refuse_other_kind(inside.door, door)
    there = defaultdict(list)
    for feature_set in cache.feature_sets(cohort.name):
        there[feature_set.modality].append(feature_set.name)
    # a modality of which the other cohort has no set is missing there; of the others it needs all
    wanted: dict[str, tuple[str, ...]] = {}
    for label, run_set in inside.chosen.items():
        names = there[run_set.modality]
        if names and run_set.name not in names:
            first = next(cache.records(cohort.name, run_set.modality, names[0]))
            raise _other_recipe(label, run_set, names, first)
        if names:
            wanted[run_set.modality] = (*wanted.get(run_set.modality, ()), run_set.name)
    chosen, problems = choose_feature_sets(cache, cohort, wanted)
    _refuse_first(problems)
    _refuse_nothing_shared(inside, chosen, cohort)
    for label, own in chosen.items():
        run_set, first = inside.chosen[label], own.records[0]
        if first.recipe_hash != run_set.records[0].recipe_hash or own.kind != run_set.kind:
            raise _other_recipe(label, run_set, [own.name], first)
    both = ValidationDoor(inside.door, door)
    return replace(
        inside,
        cohort=cohort,
        cache=cache,
        door=both,
        chosen=chosen,
        folds=None,
        horizon=_horizon(both),
        problems=problems,
    )


def _refuse_other_moment(inside: Cohort, outside: Cohort) -> None:
    """Refuse a cohort in which the moment of the run is another day: its clock starts elsewhere."""
    ours, theirs = inside.card.prediction_day, outside.card.prediction_day
    if inside.moment is not None and ours != theirs:
        raise OutcomeError(
            f"cohort.yaml: moments.{inside.moment}",
            expected=f"day {ours}, on which the run predicts",
            got=f"day {theirs}",
            remedy="Two moments are not compared: declare the same day in both cohorts.",
        )


def _refuse_first(problems: Sequence[Problem]) -> None:
    for problem in problems:
        if problem.fails:
            raise OutcomeError(
                problem.where, expected=problem.expected, got=problem.got, remedy=problem.remedy
            )


def _refuse_other_kind(inside: OutcomeDoor, outside: OutcomeDoor) -> None:
    expected, got = _kind(inside), _kind(outside)
    if expected != got:
        raise OutcomeError(
            f"cohort.yaml: endpoints.{outside.endpoint}",
            expected=f"the kind of endpoint that the run predicts: {expected}",
            got=got,
            remedy="Declare it alike in both cohorts, causes and classes in the same order.",
        )


def _kind(door: OutcomeDoor) -> str:
    """Return the kind of an endpoint with its classes or causes, in their order."""
    outcome, names = door.strata(), tuple[str, ...]()
    if isinstance(outcome, Classes | Competing):
        names = outcome.names if isinstance(outcome, Classes) else outcome.causes
    return " ".join([str(door.declared.kind), ", ".join(names)]).strip()


def _horizon(door: OutcomeDoor) -> Horizon | None:
    outcome, declared = door.strata(), door.horizon_days()
    return None if isinstance(outcome, Classes) or declared is None else choose_horizon(outcome, declared)


def _refuse_nothing_shared(inside: Inspection, chosen: Collection[str], cohort: Cohort) -> None:
    if not chosen:
        raise OutcomeError(
            f"cache: cohort {cohort.name}",
            expected=f"a feature set of {', '.join(inside.chosen)}",
            got="none",
            remedy="Run `python -m extract run` on this cohort first, with the recipes of the run.",
        )


def _other_recipe(label: str, wanted: ChosenSet, names: Sequence[str], first: EntryRecord) -> OutcomeError:
    differs = _first_difference("", wanted.records[0].settings, first.settings)
    return OutcomeError(
        f"cache: {label}",
        expected=f"the recipe that the run has read, {wanted.name}",
        got=f"{', '.join(names)}; the first setting that differs is {differs}",
        remedy="Extract the other cohort with the same recipe (clinical values: the same variables).",
    )


def _first_difference(path: str, ours: object, theirs: object) -> str:
    """Return the path of the first setting that differs, "" where none does; a listed one by its name."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted({*ours, *theirs}):
            found = _first_difference(f"{path}.{key}".lstrip("."), ours.get(key), theirs.get(key))
            if found:
                return found
        return ""
    if isinstance(ours, list) and isinstance(theirs, list):
        for place in range(max(len(ours), len(theirs))):
            pair = [settings[place] if place < len(settings) else None for settings in (ours, theirs)]
            if pair[0] != pair[1]:
                known = next(one for one in pair if one is not None)
                name = known.get("name", place) if isinstance(known, dict) else place
                return f"{path}.{name}"
        return ""
    return path if ours != theirs else ""
