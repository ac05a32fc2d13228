"""truth.json: the known answer of a synthetic cohort, for tests and trials; nothing in the pipeline reads it.

Enters: a planted cohort and what the painters put where. Leaves: one JSON file with rounded numbers, so that
the same seed gives the same bytes. What the files do not show (missing modality, unknown code) is null.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from extract.synthetic.outcomes import concordance
from extract.synthetic.planted_cohort import CaseT, PlantedCohort

SCHEMA_VERSION = 1
DECIMALS = 6


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What only the painters know: tiles that hold tumour by slide, lesions by case."""

    hazardous_tiles: dict[str, dict[str, Any]] = field(default_factory=dict)
    lesions: dict[str, dict[str, Any]] = field(default_factory=dict)


def write_truth(
    path: Path, cohort: PlantedCohort[CaseT], names: dict[str, tuple[str, ...]], found: Findings
) -> None:
    """Write the answer; `names` says what the numbers of each modality's measurements are."""
    outcomes = cohort.outcomes
    answer = {
        "schema_version": SCHEMA_VERSION,
        "layout": cohort.design.layout,
        "seed": cohort.seed,
        "endpoint": cohort.design.endpoint,
        "endpoint_column": cohort.design.endpoint_column,
        "time_unit": cohort.design.time_unit,
        "true_risk_c": outcomes.true_risk_c,
        "event_rate": float(outcomes.event.mean()),
        "modality_weights": cohort.weights,
        "modality_c": {
            name: concordance(outcomes.event, outcomes.time, cohort.standardised(name))
            for name in cohort.weights
        },
        "measurement_names": {name: list(names[name]) for name in cohort.weights},
        "cases": {case.case_id: _case(cohort, row) for row, case in enumerate(cohort.cases)},
        "hazardous_tiles": found.hazardous_tiles,
        "lesions": found.lesions,
    }
    path.write_text(json.dumps(_rounded(answer), indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _case(cohort: PlantedCohort[CaseT], row: int) -> dict[str, Any]:
    case = cohort.cases[row]
    return {
        "risk": float(cohort.risk[row]),
        "event": bool(cohort.outcomes.event[row]),
        "time": float(cohort.outcomes.time[row]),
        "contributions": {name: weight * case.readings[name].z for name, weight in cohort.weights.items()},
        "latents": {name: case.readings[name].latents for name in cohort.weights},
        "measurements": {name: list(case.readings[name].measurements) for name in cohort.weights},
        "missing": list(case.missing),
    }


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return None if value != value else round(value, DECIMALS)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return value
