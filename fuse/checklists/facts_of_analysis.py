"""Facts of how a run was made and judged, in sentences: division, models, measures, results, provenance.

Enters: a run after its evaluation. Leaves: name of a fact -> sentence, "" where the run does not know it.
"""

from __future__ import annotations

import math

from fuse.checklists.run_known import RunKnown, listed
from fuse.evidence.evidence import curve_arm
from fuse.outcomes.outcomes import Classes

_OTHER_COHORT = (
    "Evaluation on another cohort of models that were fitted once, on all cases of the cohort they were "
    "developed in."
)

#: What holds for every run of Braid, whatever its protocol; the tests of the package hold it there.
_ALWAYS = {
    "preparation": (
        "Encoders are frozen and know no outcome. Inside each train part alone, for regressions: gaps take "
        "the train mean, columns with units of their own are standardised and cut at five standard "
        "deviations, wide tables become principal components, and every modality has the same total "
        "variance. All cases are prepared alike."
    ),
    "blinding": (
        "Features were extracted without opening outcomes.csv; outcomes of a test part were opened after its "
        "predictions had been written and hashed."
    ),
    "tuning": (
        "Penalties, rounds, epochs and weights of fusion are settled on inner folds of each train part "
        "(chosen.csv); no arm, epoch or setting was chosen by a test part."
    ),
    "missing_handled": (
        "No case is dropped for a missing predictor: a gap takes the train mean, or stays missing in trees "
        "that have a branch for it, and a case that lacks a modality is predicted from the others, the "
        "absent one having no influence."
    ),
    "imbalance": "Nothing was weighted or resampled for class imbalance.",
    "fairness": "Braid takes no step for fairness and compares no groups of people.",
    "predictions": (
        "predictions/ has the risk and the probabilities of every test case, each case scored on its own; "
        "run.json has the sha256 that each file had when it was sealed."
    ),
    "calibration": (
        "Probabilities come from a slope, never negative, and a baseline on risks that were predicted out of "
        "fold inside the train part."
    ),
    "leakage": (
        "A case with all that belongs to it is in one part only; scaler, components, penalties, weights and "
        "cuts are learned in the train part; folds.csv is hashed."
    ),
    "repeated": "Every step of building, the choice of settings included, is made anew in each train part.",
    "specification": (
        "The run keeps settings and predictions, no coefficients: `fuse rerun` fits the same models again, "
        "bit for bit, and `fuse validate` applies them to another cohort."
    ),
    "protocol": "protocol.yaml is the protocol of the analysis, fixed before any fit.",
    "code": "Braid's licence is Apache-2.0; run.json has its version and commit, the page how to run again.",
}


def facts_of_analysis(known: RunKnown) -> dict[str, str]:
    """Return the facts."""
    return {
        **_ALWAYS,
        "design": _design(known),
        "comparators": _comparators(known),
        "division": _division(known),
        "clusters": _clusters(known),
        "models": _models(known),
        "measures": _measures(known),
        "output": _output(known),
        "thresholds": _thresholds(known),
        "performance": _performance(known),
        "updating": "Nothing was updated or recalibrated on this cohort." if known.external else "",
        "differences": _differences(known),
    }


def _design(known: RunKnown) -> str:
    if known.external:
        return _OTHER_COHORT
    return "Development with internal validation in one cohort; no other cohort was looked at."


def _comparators(known: RunKnown) -> str:
    roles = known.roles
    named = {
        "the null model": roles.null,
        "the published score": roles.published_score,
        "the clinical values": roles.clinical,
        "the single modality selected in training": roles.selected_single,
    }
    there = [what for what, arm in named.items() if arm]
    return f"Comparators named before the evaluation: {listed(there)}." if there else ""


def _division(known: RunKnown) -> str:
    if known.external:
        return _OTHER_COHORT
    folds = known.folds
    # what the protocol says: a run that is made again reads its folds from its own folds.csv
    own_file = (known.inspection.cohort.folder / "folds.csv").is_file()
    how = {
        "auto": "as the cohort's folds.csv says" if own_file else "spread evenly by event and site",
        "file": "as a file of folds says",
        "sites": "one site left out at a time",
    }[known.inspection.protocol.split]
    each = len(folds.folds) // max(folds.repeats, 1)
    return (
        f"{folds.repeats} x {each} folds, whole cases, {how}, with {known.inspection.protocol.inner} inner "
        "folds; every prediction that is judged is of a case that its model had not seen."
    )


def _clusters(known: RunKnown) -> str:
    if known.inspection.protocol.split == "sites":
        return "Whole sites were left out in turn; performance is over all of them and not given by site."
    return "Models do not differ by site, and performance is not given by site."


def _models(known: RunKnown) -> str:
    left = f" Not run: {listed([f'{arm} ({why})' for arm, why in known.not_run.items()])}."
    return f"Arms: {listed(list(known.titles.values()), 30)}.{left if known.not_run else ''}"


def _measures(known: RunKnown) -> str:
    metrics = dict.fromkeys(row.metric for rows in known.evaluated.metrics.values() for row in rows)
    return (
        f"metrics.csv, each row with its interval and the name of its method: {listed(list(metrics), 30)}. "
        "comparisons.csv: differences that were named before, and those that were not, apart."
    )


def _output(known: RunKnown) -> str:
    tested = known.evaluated.tested
    if isinstance(tested, Classes):
        return f"A probability of each class: {listed(list(tested.names))}."
    return "A risk that ranks cases, and the probability of no event up to each of a row of days."


def _thresholds(known: RunKnown) -> str:
    thresholds = known.inspection.door.declared.thresholds
    cut = "Groups are cut at the median risk of the train part."
    if not thresholds:
        return f"{cut} The card declares no risk at which somebody would act."
    declared = listed([f"{risk:g}" for risk in thresholds])
    return f"{cut} Risks at which somebody would act, declared beforehand: {declared}."


def _performance(known: RunKnown) -> str:
    arm = curve_arm(known.roles, list(known.evaluated.metrics))
    wanted = known.evaluated.measure.metric
    row = next((row for row in known.evaluated.metrics[arm] if row.metric == wanted), None)
    if row is None or math.isnan(row.estimate):
        return ""
    interval = "" if math.isnan(row.low) else f" ({row.low:.3f} to {row.high:.3f}, {row.method})"
    title = known.titles.get(arm, arm)
    return f"{title}: {wanted} {row.estimate:.3f}{interval}; all arms and measures in metrics.csv."


def _differences(known: RunKnown) -> str:
    if not known.external:
        return ""
    gone = [label for label, modality in known.cases.modalities.items() if not modality.present.any()]
    return (
        "Variables and recipes are those of the development cohort, or the run would have been refused."
        + (f" Nobody here has: {listed(gone)}." if gone else "")
    )
