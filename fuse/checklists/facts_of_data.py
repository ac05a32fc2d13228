"""Facts of a run's data, in sentences: sources, people, outcome, predictors, size, what is missing.

Enters: a run after its evaluation. Leaves: name of a fact -> sentence, "" where the run does not know it.
No id and no text of a record is in a sentence.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from fuse.checklists.run_known import RunKnown, listed
from fuse.inspection.sample_size import minimum_size
from fuse.metrics.kaplan_meier import estimate_observed
from fuse.outcomes.outcomes import Classes, Competing, Survival
from fuse.verdict.words import counted


def facts_of_data(known: RunKnown) -> dict[str, str]:
    """Return the facts."""
    card = known.inspection.cohort.card
    return {
        "population": f"{card.title}.",
        "sources": f"{card.title}. Source: {card.citation}.",
        "licence": f"Licence of the data: {card.licence}. entries.csv has the hash of all that was read.",
        "sites": _sites(known),
        "flow": _flow(known),
        "follow_up": _follow_up(known),
        "outcome": _outcome(known),
        "moment": _moment(known),
        "predictors": _predictors(known),
        "excluded": _excluded(known),
        "scales": _scales(known),
        "size": _size(known),
        "minimum_size": _minimum_size(known),
        "missing": _missing(known),
        "parts": _parts(known),
        "censored": _censored(known),
    }


def _sites(known: RunKnown) -> str:
    evaluated = set(known.inspection.door.case_ids)
    sites = Counter(row.site for row in known.inspection.cohort.cases if row.case_id in evaluated)
    named = {site: count for site, count in sites.items() if site}
    if not named:
        return ""
    each = [f"{site} {count}" for site, count in sorted(named.items())]
    unnamed = f"; {counted(sites[None], 'case')} without a site" if sites.get(None) else ""
    return f"Evaluated cases by site: {listed(each)}{unnamed}."


def _flow(known: RunKnown) -> str:
    door = known.inspection.door
    steps = [
        f"{counted(len(known.inspection.cohort.case_ids), 'case')} in the manifest",
        f"{len(door.without)} left out for want of an outcome",
    ]
    if door.too_early:
        unseen = " or before they came under observation" if door.clock.entry_days else ""
        steps.append(
            f"{len(door.too_early)} left out because their outcome or last observation was by day "
            f"{door.landmark_days:g}{unseen}"
        )
    return f"{', '.join(steps)}; {len(door.case_ids)} evaluated. Nobody was left out for a missing predictor."


def _follow_up(known: RunKnown) -> str:
    tested = known.evaluated.tested
    if isinstance(tested, Classes):
        return ""
    if tested.entry_days is not None:
        return f"Cases came under observation on different days; {_longest(tested)}."
    # whoever had another cause was followed to it, as one with the event of interest
    anything = tested.cause > 0 if isinstance(tested, Competing) else tested.event
    observed = estimate_observed(Survival(event=anything, time_days=tested.time_days))
    reached = np.flatnonzero(observed.value <= 0.5)
    if not len(reached):
        return f"Median follow-up (reverse Kaplan-Meier) is not reached; {_longest(tested)}."
    median = observed.time_days[reached[0]]
    return f"Median follow-up (reverse Kaplan-Meier) {median:.0f} days; {_longest(tested)}."


def _longest(tested: Survival) -> str:
    return f"the longest is {tested.time_days.max():.0f} days"


def _outcome(known: RunKnown) -> str:
    door, horizon = known.inspection.door, known.inspection.horizon
    card = known.inspection.cohort.card
    declared = door.declared
    said = f"{door.endpoint}, {declared.kind}: {declared.definition}; counted from: {card.index_event}."
    if horizon is None:
        return said
    fixed = f" Horizon fixed before any fit: {declared.horizon_days:g} days"
    return said + fixed + (f"; cut to {horizon.days:g} days: {horizon.reason}." if horizon.reason else ".")


def _moment(known: RunKnown) -> str:
    card, moment = known.inspection.cohort.card, known.inspection.cohort.moment
    name = f", the moment {moment}" if moment else ""
    return (
        f"Predictions are made on day {card.prediction_day} after the index event{name}; no value of a later "
        "day was read."
    )


def _predictors(known: RunKnown) -> str:
    card = known.inspection.cohort.card
    sets = [
        f"{label} ({chosen.encoder}, {len(known.cases.modalities[label].columns)} columns)"
        for label, chosen in known.inspection.chosen.items()
    ]
    variables = f"{counted(len(card.variables), 'clinical variable')} declared with kind, unit and day. "
    return (variables if card.variables else "") + f"Feature sets: {listed(sets)}."


def _excluded(known: RunKnown) -> str:
    excluded = known.inspection.cohort.card.excluded
    if not excluded:
        return "The card excludes no column as an outcome or treatment in disguise."
    return f"Never a feature, by the card: {listed([f'{name} ({why})' for name, why in excluded.items()])}."


def _scales(known: RunKnown) -> str:
    variables = known.inspection.cohort.card.variables
    logs = [name for name, variable in variables.items() if variable.scale == "log"]
    kinds = Counter(variable.kind for variable in variables.values())
    if not variables:
        return ""
    each = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    fixed = f" On a logarithmic scale that is fixed, not fitted: {listed(logs)}." if logs else ""
    return f"Clinical variables by kind: {each}; categories are one column each.{fixed}"


def _size(known: RunKnown) -> str:
    tested = known.evaluated.tested
    events = "" if tested.n_events is None else f" with {counted(tested.n_events, 'event')}"
    each = f" ({known.inspection.door.counts()})" if tested.n_events is None else ""
    per_column = [
        f"{label} {tested.n_events / len(modality.columns):.2g}"
        for label, modality in known.cases.modalities.items()
        if tested.n_events is not None and modality.columns
    ]
    ratio = f" Events per column: {listed(per_column)}." if per_column else ""
    return f"{counted(len(tested), 'case')}{events}{each}.{ratio}"


def _minimum_size(known: RunKnown) -> str:
    clinical = known.cases.modalities.get("clinical")
    horizon = known.inspection.horizon
    if clinical is None or not clinical.columns or known.external:
        return ""
    least = minimum_size(
        len(clinical.columns), known.evaluated.tested, None if horizon is None else horizon.days
    )
    if least is None:
        return ""
    return (
        f"A model of the {len(clinical.columns)} clinical columns without a penalty would need {least.cases} "
        f"cases (Riley et al. 2020, expecting 15 % of the greatest R squared); these have {len(known.cases)}."
    )


def _missing(known: RunKnown) -> str:
    parts = []
    for label, modality in known.cases.modalities.items():
        absent = int((~modality.present).sum())
        words = f"{label} absent in {absent} of {len(modality.present)} cases"
        gaps = np.isnan(modality.values[modality.present]).mean(axis=0) if modality.present.any() else []
        holey = [(name, gap) for name, gap in zip(modality.columns, gaps, strict=False) if gap > 0]
        if holey:
            worst = sorted(holey, key=lambda pair: (-pair[1], pair[0]))[:5]
            named = ", ".join(f"{name} {gap:.0%}" for name, gap in worst)
            words += f", gaps in {len(holey)} of {len(modality.columns)} columns (most: {named})"
        parts.append(words)
    return f"{'; '.join(parts)}."


def _parts(known: RunKnown) -> str:
    if known.external:
        fold = known.folds.folds[0]
        return f"Fitted on {len(fold.train)} cases of the other cohort, evaluated on {len(fold.test)}."
    outcome = known.inspection.door.strata()
    row_of = {case: row for row, case in enumerate(known.inspection.door.case_ids)}
    said = []
    for part in ("train", "test"):
        sizes, events = [], []
        for fold in known.folds.folds:
            rows = [row_of[known.folds.case_ids[row]] for row in getattr(fold, part)]
            sizes.append(len(rows))
            own = outcome.take(np.array(rows, dtype=np.int64)).n_events
            events += [] if own is None else [own]
        with_events = f" with {_range(events)} events" if events else ""
        said.append(f"{part} parts hold {_range(sizes)} cases{with_events}")
    return f"Of {len(known.folds.folds)} folds, {' and '.join(said)}."


def _range(numbers: list[int]) -> str:
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low} to {high}"


def _censored(known: RunKnown) -> str:
    if isinstance(known.evaluated.tested, Classes):
        return "A case without an outcome is left out; it is never taken for a no."
    kind = known.inspection.door.declared.kind
    causes = " Other causes are counted as such and not as censoring." if kind == "competing" else ""
    return (
        "Follow-up that ended is censoring, and a case without an outcome is left out; measures at a day are "
        f"weighed by the train part's own probability of still being observed.{causes}"
    )
