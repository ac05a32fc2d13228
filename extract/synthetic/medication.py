"""Medication text of the M-PRTM layout: a table of drugs and doses written as prose, `0` where none is given.

Enters: a random stream. Leaves: one text in the manner of the column `medical_indicator` (a Greek beta,
commas, a trailing space, now and then "from ... to ..." instead of the drug class) and what a perfect reader
would count: the share of classes that were prescribed. The latent is how much treatment the heart needs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from extract.synthetic.reading import Reading

#: mean and sd of the prescribed share over the population; a test holds them.
SHARE_MEAN, SHARE_SD = 0.5, 0.304
CHANGED_DOSE = 0.25

#: class, drugs with doses; RAAS is derived from the first three.
CLASSES = (
    ("ACEI", ("Perindopril tert-butylamine tablets 4 mg qd", "Perindopril tert-butylamine tablets 8 mg qd")),
    ("ARB", ("Valsartan capsules 80 mg qd", "Losartan potassium tablets 50 mg qd")),
    ("ARNI", ("Sacubitril/valsartan 50 mg bid", "Sacubitril/valsartan 100 mg bid")),
    (
        "β-blockers",
        (
            "Metoprolol succinate sustained-release tablets 47.5 mg qd",
            "Metoprolol succinate sustained-release tablets 23.75 mg qd",
        ),
    ),
    ("Spironolactone", ("Spironolactone 20 mg once a day", "Spironolactone 40 mg once a day")),
    ("SGLT2i", ("Dapagliflozin 10 mg qd", "Empagliflozin 10 mg qd")),
    ("Diuretics", ("Furosemide 40 mg once a day", "Torsemide 10 mg orally once a day")),
    ("Digoxin", ("Digoxin 0.125 mg once a day", "Digoxin 0.25 mg once a day")),
    ("Antiplatelet Agents", ("Aspirin enteric-coated tablets 100 mg qd", "Clopidogrel 75 mg qd")),
    ("Anticoagulants", ("Rivaroxaban 15 mg qd", "Warfarin 3 mg qn")),
    ("Statins", ("Atorvastatin calcium tablets 20mg qn", "Rosuvastatin calcium tablets 10mg qn")),
    ("Fibrates", ("Fenofibrate capsules 200 mg qd", "Bezafibrate 400 mg qd")),
    ("Ezetimibe", ("Ezetimibe 10 mg qd", "Ezetimibe 5 mg qd")),
    ("PCSK9i", ("Evolocumab injection 140 mg every two weeks", "Alirocumab injection 75 mg every two weeks")),
    ("Nitrates", ("Isosorbide mononitrate tablets 20 mg bid", "Isosorbide dinitrate 5 mg tid")),
    ("Calcium Channel Blockers", ("Felodipine extended-release tablets 5 mg bid", "Amlodipine 5 mg qd")),
    (
        "Other Medications",
        (
            "Ivabradine 5 mg bid, trimetazidine hydrochloride 35 mg bid",
            "Metformin 0.5 g bid, rabeprazole 10 mg qd",
        ),
    ),
)
RAAS_AFTER = "ARNI"


@dataclass(frozen=True, kw_only=True)
class Medication:
    """The text of one case and its reading."""

    text: str
    reading: Reading


def draw_medication(rng: np.random.Generator) -> Medication:
    """Draw which classes a patient takes; all with the same probability, which differs between patients."""
    from scipy.stats import norm

    need = rng.standard_normal()
    given = rng.random(len(CLASSES)) < float(norm.cdf(need))
    share = float(given.mean())
    parts = []
    for (name, drugs), taken in zip(CLASSES, given, strict=True):
        parts.append(_entry(name, drugs, bool(taken), rng))
        if name == RAAS_AFTER:
            parts.append(f"RAAS usage dosage: {float(given[:3].any())}.")
    return Medication(
        # The column of the real table ends its last dose with a space instead of a full stop.
        text=" ".join(parts)[:-1] + " ",
        reading=Reading(
            z=(share - SHARE_MEAN) / SHARE_SD,
            measurements=(share,),
            latents={"treatment_need": float(need)},
        ),
    )


def _entry(name: str, drugs: tuple[str, ...], taken: bool, rng: np.random.Generator) -> str:
    if not taken:
        return f"{name} usage dosage: 0."
    drug = drugs[int(rng.integers(len(drugs)))]
    if name == "β-blockers" and rng.random() < CHANGED_DOSE:
        return "from Metoprolol succinate sustained-release tablets 23.75 mg qd*7d to 47.5 mg qd."
    return f"{name} usage dosage: {drug}."
