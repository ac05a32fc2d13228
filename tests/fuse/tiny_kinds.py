"""The tiny cohort with an endpoint of every kind, each following what its modalities show."""

from __future__ import annotations

import numpy as np
import yaml

from tests.fuse.tiny_cohort import N_CASES, Tiny

ENDPOINTS = {
    "first": {
        "kind": "competing",
        "definition": "recurrence, death competes with it",
        "time_unit": "months",
        "horizon_days": 1000.0,
        "horizons_days": [300.0, 700.0],
        "cause": "recurrence",
    },
    "relapse": {"kind": "binary", "definition": "relapse within a year"},
    "grade": {
        "kind": "multiclass",
        "definition": "grade at the operation",
        "classes": ["low", "middle", "high"],
    },
    "stay": {
        "kind": "time",
        "definition": "days in hospital, counted from admission",
        "time_unit": "days",
        "horizon_days": 40.0,
    },
}


def add_kinds(tiny: Tiny) -> np.ndarray:
    """Write the endpoints into card and outcomes, and return the latent (case,) that they follow.

    Case 0003 has none of them.
    """
    rng = np.random.default_rng(11)
    latent = np.random.default_rng(7).normal(size=(N_CASES, 3)).sum(axis=1)  # as `write_tiny` draws it
    card = yaml.safe_load((tiny.cohort / "cohort.yaml").read_text(encoding="utf-8"))
    card["endpoints"] |= ENDPOINTS
    (tiny.cohort / "cohort.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    recurs, dies = rng.exponential(30 * np.exp(-latent)), rng.exponential(60.0, size=N_CASES)
    end = rng.uniform(10, 60, size=N_CASES)
    months = np.minimum(np.minimum(recurs, dies), end) + 0.1
    cause = np.where(months < end, np.where(recurs < dies, "recurrence", "death"), "0")
    relapse = latent + 0.7 * rng.normal(size=N_CASES) > 0.3
    grade = np.digitize(latent + 0.7 * rng.normal(size=N_CASES), [-0.7, 0.7])
    stay = np.ceil(12 * np.exp(-0.4 * latent + 0.2 * rng.normal(size=N_CASES))) + 1
    rows = []
    for i in range(N_CASES):
        if i == 3:
            continue
        case = f"{i:04d}"
        rows.append(f"{case},first,,{months[i]:.3f},{cause[i]},")
        rows.append(f"{case},relapse,{int(relapse[i])},,,")
        rows.append(f"{case},grade,,,,{ENDPOINTS['grade']['classes'][grade[i]]}")
        rows.append(f"{case},stay,{'' if i % 9 else '0'},{stay[i]:.0f},,")
    with (tiny.cohort / "outcomes.csv").open("a", encoding="utf-8") as stream:
        stream.write("\n".join(rows) + "\n")
    return latent
