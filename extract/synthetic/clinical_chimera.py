"""Clinical values of the CHIMERA layout, with every quirk of its JSON.

Enters: a random stream, later the outcome. Leaves: the cells of clinical_data/<pid>.json (facts: BCR is the
string "1.0", a key holds a slash, `x` and 2 mean unknown, `BCR_PSA` is there for events alone) and what a
perfect reader would measure. One latent drives PSA, grade group, stage, margins, vesicles and nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from extract.synthetic.reading import Reading

LOADING = 0.75
UNKNOWN_SHARE = 0.03
ISUP_CUTS = (-1.175, 0.0, 0.674, 1.126)
GLEASON = {
    1: ((3, 3),),
    2: ((3, 4),),
    3: ((4, 3),),
    4: ((4, 4), (4, 4), (3, 5), (5, 3)),
    5: ((4, 5), (4, 5), (5, 4), (5, 5)),
}
#: upper limits of the standard normal for each pathological stage
STAGES = ((-1.4, "2a"), (-1.1, "2b"), (-0.9, "2"), (0.15, "2c"), (0.95, "3a"), (1.05, "3"), (2.2, "3b"))
THERAPIES = ("hormones", "radiotherapy + hormones", "radiotherapy + cryotherapy", "unknown")
#: log2 PSA, ISUP, extracapsular, margin, vesicles, nodes: what one step adds to the index
STEPS = np.array([0.45, 0.40, 0.45, 0.80, 0.70, 0.60])
#: mean and sd of that index over the population; a test holds them.
INDEX_MEAN, INDEX_SD = 3.10, 1.315


@dataclass(frozen=True, kw_only=True)
class ChimeraClinical:
    """Cells before the outcome is known, in the order of the file, and their reading."""

    cells: dict[str, Any]
    reading: Reading


def draw_clinical(rng: np.random.Generator) -> ChimeraClinical:
    """Draw one case; the risk uses the true values, the cells may hide one behind a code."""
    extent = rng.standard_normal()
    psa_z, grade_z, stage_z, margin_z, node_z = (
        LOADING * extent + np.sqrt(1 - LOADING**2) * rng.standard_normal(5)
    ).tolist()
    psa = round(float(np.exp(2.1 + 0.55 * psa_z)), 1)
    isup = 1 + sum(grade_z > cut for cut in ISUP_CUTS)
    stage = next((name for limit, name in STAGES if stage_z < limit), "4")
    extracapsular = stage[0] in "34"
    vesicles = stage == "3b" or (stage == "4" and rng.random() < 0.7)
    values = np.array(
        [np.log2(psa), isup, extracapsular, margin_z > 0.47, vesicles, node_z > 1.4], dtype=float
    )
    hidden = rng.random(len(values)) < np.array([0.0, 0.0, *[UNKNOWN_SHARE] * 4])
    cells = _cells(psa, isup, stage, _codes(values, hidden, rng), rng)
    measured = tuple(None if gone else float(value) for value, gone in zip(values, hidden, strict=True))
    reading = Reading(
        z=float((values @ STEPS - INDEX_MEAN) / INDEX_SD),
        measurements=measured,
        latents={"extent": float(extent)},
    )
    return ChimeraClinical(cells=cells, reading=reading)


def clinical_json(
    clinical: ChimeraClinical, event: bool, time_months: float, rng: np.random.Generator
) -> dict[str, Any]:
    """Return the flat object of the download: cells, outcome, and the PSA that defined it."""
    record = dict(clinical.cells)
    record["BCR"] = "1.0" if event else "0.0"
    record["time_to_follow-up/BCR"] = time_months
    if event:
        record["BCR_PSA"] = round(float(0.1 + rng.exponential(0.3)), 2)
    elif rng.random() < 0.5:
        record["BCR_PSA"] = ""
    return record


def _codes(values: np.ndarray, hidden: np.ndarray, rng: np.random.Generator) -> dict[str, str | int]:
    """Write 0 and 1 as the file does: text with or without a decimal, margins as integers, unknown x or 2."""
    decimals = ".0" if rng.random() < 0.3 else ""
    names = ("capsular_penetration", "positive_surgical_margins", "invasion_seminal_vesicles")
    codes: dict[str, str | int] = {}
    for name, value, gone in zip((*names, "positive_lymph_nodes"), values[2:], hidden[2:], strict=True):
        if name == "positive_surgical_margins":
            codes[name] = 2 if gone else int(value)
        else:
            codes[name] = "x" if gone else f"{int(value)}{decimals}"
    return codes


def _cells(
    psa: float, isup: int, stage: str, codes: dict[str, str | int], rng: np.random.Generator
) -> dict[str, Any]:
    primary, secondary = GLEASON[isup][int(rng.integers(len(GLEASON[isup])))]
    cells: dict[str, Any] = {
        "age_at_prostatectomy": int(np.clip(round(rng.normal(64, 6)), 45, 78)),
        "primary_gleason": primary,
        "secondary_gleason": secondary,
    }
    tertiary = rng.random()
    if isup in (2, 3) and tertiary < 0.15:
        cells["tertiary_gleason"] = 5
    elif tertiary < 0.7:
        cells["tertiary_gleason"] = ""
    # 3 of the 95 real cases disagree with primary + secondary: Braid flags and does not fix.
    off = int(rng.random() < 0.03)
    cells["ISUP"] = isup - off if isup > 1 else isup + off
    cells["pre_operative_PSA"] = psa
    cells["pT_stage"] = "x" if codes["capsular_penetration"] == "x" else stage
    cells["positive_lymph_nodes"] = codes["positive_lymph_nodes"]
    cells["capsular_penetration"] = codes["capsular_penetration"]
    cells["positive_surgical_margins"] = codes["positive_surgical_margins"]
    cells["invasion_seminal_vesicles"] = codes["invasion_seminal_vesicles"]
    invasion = rng.random()
    if invasion < 0.85:
        cells["lymphovascular_invasion"] = "x" if invasion < 0.1 else ("1" if invasion < 0.22 else "0")
    therapy = rng.random()
    cells["earlier_therapy"] = "none" if therapy < 0.9 else THERAPIES[int(rng.integers(len(THERAPIES)))]
    return cells
