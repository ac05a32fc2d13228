"""Clinical values of the M-PRTM layout: the numeric columns of its table, some of them moved by one latent.

Enters: a random stream. Leaves: cells by column (None = missing) and what a perfect reader would measure:
age, NYHA class, ejection fraction, BNP and creatinine. Values that follow from others do so here (BMI,
globulin, eGFR, INR), and those that hospitals miss are missing at about the published rate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from extract.synthetic.reading import Reading

LOADING = 0.72
NYHA_CUTS = (-1.3, 0.0, 1.2)
#: age / 10, NYHA, LVEF / 10, log2 BNP, log2 creatinine: what one step adds to the index
STEPS = np.array([0.30, 0.50, -0.40, 0.35, 0.70])
#: mean and sd of that index over the population; a test holds them.
INDEX_MEAN, INDEX_SD = 9.11, 1.305

HISTORIES = {
    "Hypertension History": 0.55, "Coronary Artery Disease": 0.35, "Myocardial Infarction": 0.2,
    "Cardiac Stent": 0.2, "Inflammatory Disease History": 0.4, "Kidney Disease": 0.12,
    "Chronic Renal Failure": 0.05, "Cerebrovascular Disease": 0.1, "Smoking History": 0.5,
    "Alcohol History": 0.4, "Diabetes Mellitus": 0.3, "Hyperlipidemia": 0.35, "Liver Disease": 0.15,
    "Pulmonary Disease": 0.2, "Atrial Fibrillation": 0.2, "AV Block": 0.06, "Pacemaker": 0.04,
    "Other Cardiovascular Disease": 0.5, "Other Diseases": 0.6,
}  # fmt: skip
#: column: mean, sd, decimals, share missing (normal, cut at a tenth of the mean)
NORMAL = {
    "IVSTd": (1.0, 0.2, 2, 0.08), "LVPWTd": (0.97, 0.18, 2, 0.08), "LVDd": (6.4, 0.6, 2, 0.0),
    "AoD": (3.1, 0.25, 2, 0.25), "LAD": (4.7, 0.5, 2, 0.0), "ALT": (40.0, 15.0, 1, 0.0),
    "AST": (28.0, 9.0, 1, 0.0), "LDH": (225.0, 60.0, 0, 0.02), "Total Bilirubin": (19.0, 7.0, 1, 0.0),
    "Cholinesterase": (8.6, 2.0, 1, 0.02), "Total Protein": (64.0, 6.0, 1, 0.0),
    "Albumin": (38.5, 3.5, 1, 0.0), "Glucose": (6.0, 1.4, 2, 0.02), "Urea": (6.2, 1.6, 1, 0.0),
    "Uric Acid": (490.0, 120.0, 0, 0.0), "Triglycerides": (1.5, 0.5, 2, 0.03),
    "Cholesterol": (3.9, 0.9, 2, 0.03), "HDL-C": (0.95, 0.25, 2, 0.03), "LDL-C": (2.3, 0.7, 2, 0.03),
    "Apo-A1": (0.9, 0.15, 2, 0.05), "Apo-B": (0.75, 0.2, 2, 0.05), "Total Calcium": (2.3, 0.1, 2, 0.0),
    "Phosphorus": (1.2, 0.15, 2, 0.0), "Potassium": (3.9, 0.35, 2, 0.0), "Sodium": (142.0, 2.5, 1, 0.0),
    "Chloride": (103.0, 3.2, 1, 0.0), "PT": (12.2, 1.2, 1, 0.0), "APTT": (28.0, 3.0, 1, 0.0),
    "TT": (19.0, 1.3, 1, 0.0), "Fibrinogen": (3.5, 0.9, 1, 0.0), "WBC": (6.5, 1.4, 1, 0.0),
    "GRA%": (61.0, 6.5, 1, 0.0), "Monocytes": (0.5, 0.14, 1, 0.0), "Eosinophils": (0.16, 0.06, 2, 0.0),
    "Basophils": (0.03, 0.01, 2, 0.0), "RBC": (4.8, 0.6, 2, 0.0), "Hemoglobin": (146.0, 17.0, 0, 0.0),
    "Hematocrit": (44.0, 5.0, 1, 0.0), "Platelets": (230.0, 60.0, 0, 0.0), "TSH": (2.2, 0.8, 2, 0.08),
    "Free T3": (4.7, 0.6, 2, 0.08), "Free T4": (19.5, 2.8, 2, 0.08), "HbA1c%": (6.2, 1.0, 1, 0.1),
}  # fmt: skip
#: column: median, sd of the natural logarithm, decimals, share missing
LOGNORMAL = {
    "TNT": (0.025, 0.7, 3, 0.25), "CK-MB": (9.0, 0.5, 0, 0.35), "CRP": (4.0, 0.8, 1, 0.02),
    "D-dimer": (0.6, 0.5, 2, 0.25),
}  # fmt: skip
BNP_MISSING = 0.08


@dataclass(frozen=True, kw_only=True)
class MprtmClinical:
    """Cells by column, None where missing, and the reading."""

    cells: dict[str, float | int | None]
    reading: Reading


def draw_clinical(rng: np.random.Generator) -> MprtmClinical:
    """Draw one patient; the risk uses the true BNP even where the table misses it."""
    severity = rng.standard_normal()
    moved = LOADING * severity + np.sqrt(1 - LOADING**2) * rng.standard_normal(5)
    cells: dict[str, float | int | None] = {"Gender": int(rng.random() < 0.7)}
    cells.update(_person(float(moved[0]), rng))
    nyha = 1 + sum(float(moved[1]) > cut for cut in NYHA_CUTS)
    lvef = int(np.clip(round(31 - 6.5 * float(moved[2])), 12, 55))
    bnp = max(round(float(np.exp(6.0 + 0.8 * moved[3]))), 5)
    creatinine = max(round(float(np.exp(4.4 + 0.25 * moved[4]))), 25)
    cells["NYHA Class"] = nyha
    cells.update({name: int(rng.random() < share) for name, share in HISTORIES.items()})
    cells.update(_laboratory(rng))
    bnp_missing = rng.random() < BNP_MISSING
    cells.update({"LVEF": lvef, "BNP": None if bnp_missing else bnp, "Creatinine": creatinine})
    cells.update(_derived(cells, creatinine))
    values = np.array([_number(cells, "Age") / 10, nyha, lvef / 10, np.log2(bnp), np.log2(creatinine)])
    measured = tuple(None if bnp_missing and i == 3 else float(value) for i, value in enumerate(values))
    reading = Reading(
        z=float((values @ STEPS - INDEX_MEAN) / INDEX_SD),
        measurements=measured,
        latents={"severity": float(severity)},
    )
    return MprtmClinical(cells=cells, reading=reading)


def _person(age_z: float, rng: np.random.Generator) -> dict[str, float | int]:
    height_m = rng.normal(1.68, 0.08)
    bmi = max(rng.normal(25.5, 3.8), 16.0)
    return {
        "Age": int(np.clip(round(54 + 12 * age_z), 19, 88)),
        "Weight": round(float(bmi * height_m**2), 1),
        "BMI": round(float(bmi), 2),
        "Acute Decompensated Heart Failure": int(rng.random() < 0.5),
        "Edema Status": int(rng.choice(4, p=(0.55, 0.22, 0.18, 0.05))),
        "Heart Rate (bpm)": int(np.clip(round(rng.normal(92, 15)), 50, 150)),
        "Systolic BP": int(np.clip(round(rng.normal(140, 24)), 85, 210)),
        "Diastolic BP": int(np.clip(round(rng.normal(90, 15)), 50, 130)),
    }


def _laboratory(rng: np.random.Generator) -> dict[str, float | int | None]:
    drawn: dict[str, float | int | None] = {}
    for name, (mean, sd, decimals, missing) in NORMAL.items():
        value = max(float(rng.normal(mean, sd)), mean / 10)
        drawn[name] = None if rng.random() < missing else _rounded(value, decimals)
    for name, (median, log_sd, decimals, missing) in LOGNORMAL.items():
        value = float(median * np.exp(log_sd * rng.standard_normal()))
        drawn[name] = None if rng.random() < missing else max(_rounded(value, decimals), 10.0**-decimals)
    return drawn


def _derived(cells: dict[str, float | int | None], creatinine: int) -> dict[str, float | int]:
    albumin, protein = _number(cells, "Albumin"), _number(cells, "Total Protein")
    globulin = max(protein - albumin, 10.0)
    neutrophils = _number(cells, "WBC") * _number(cells, "GRA%") / 100
    # MDRD (Levey 2006, doi:10.7326/0003-4819-145-4-200608150-00004), creatinine in umol/L.
    egfr = 175 * (creatinine / 88.4) ** -1.154 * _number(cells, "Age") ** -0.203
    return {
        "Direct Bilirubin": round(0.28 * _number(cells, "Total Bilirubin"), 1),
        "Globulin": round(globulin, 1),
        "Albumin/Globulin Ratio": round(albumin / globulin, 2),
        "eGFR": round(egfr * (1.0 if cells["Gender"] else 0.742), 1),
        "INR": round(_number(cells, "PT") / 11.3, 2),
        "Neutrophils": round(neutrophils, 1),
        "Lymphocytes": round(max(_number(cells, "WBC") - neutrophils - 0.7, 0.3), 1),
    }


def _number(cells: dict[str, float | int | None], name: str) -> float:
    value = cells[name]
    assert value is not None, f"{name} is drawn without gaps"
    return float(value)


def _rounded(value: float, decimals: int) -> float | int:
    return round(value, decimals) if decimals else round(value)
