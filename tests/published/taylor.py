"""Taylor 2010 (Memorial Sloan Kettering): the Kattan nomogram as shipped, and CAPRA-S through Braid.

Enters: STable1.csv. Leaves: C of the nomogram's column over the 155 patients that have it, and C of the arm
`capra_s` over those whose every input is known: the table made a cohort, its card naming the inputs,
extracted, read and scored as a run does. `python -m tests.published.taylor` runs it alone.

The definitions that the table leaves open: PSA is that before the biopsy, extracapsular extension is focal
or established, a gland without dissected nodes (Nx) counts 0. Follow-up is in months.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from pathlib import Path

import numpy as np

from fuse.arm_plans import plan_arms
from fuse.features.table import read_cases
from fuse.inspection.inspection import RunInputs, inspect_inputs
from fuse.metrics.concordance import concordant_pairs
from fuse.models.capra_s import CapraScorer
from fuse.models.learner import Setting
from fuse.models.registry import build_learner
from fuse.outcomes.outcomes import Survival
from fuse.protocol import ArmSpec, Protocol
from tests.measurement import Measured, tabulate
from tests.published.clinical_cohort import ClinicalTable, make_clinical_cohort
from tests.published.shared_tables import SHARED, absent

TABLE = SHARED / "taylor2010_mskcc/STable1.csv"
_YES_NO = {
    "margin": ("SMS", {"Positive": "1", "Negative": "0"}),
    "extension": ("ECE", {"ESTABLISHED": "1", "FOCAL": "1", "INV_CAPSULE": "0", "NONE": "0"}),
    "vesicles": ("SVI", {"Positive": "1", "Negative": "0"}),
    "nodes": ("LNI", {"Abnormal_N1": "1", "Normal_N0": "0", "Not Done_NX": ""}),
}
CARD: dict[str, object] = {
    "name": "taylor",
    "title": "Prostatectomy, 181 primary tumours",
    "citation": "Taylor et al. 2010, Cancer Cell 18, 11-22 (bioc/prostateCancerTaylor)",
    "licence": "Artistic-2.0",
    "index_event": "prostatectomy",
    # as published: everybody counts from the operation on, pathology being taken as known at once
    "prediction_day": 0,
    "variables": {
        "psa": {"kind": "numeric", "unit": "ug/L", "scale": "log"},
        "gleason_1": {"kind": "numeric", "unit": "1"},
        "gleason_2": {"kind": "numeric", "unit": "1"},
        **{name: {"kind": "binary"} for name in _YES_NO},
    },
    "risk_scores": {
        "capra_s": {
            "psa": "psa",
            "primary_gleason": "gleason_1",
            "secondary_gleason": "gleason_2",
            "surgical_margins": "margin",
            "seminal_vesicle_invasion": "vesicles",
            "extracapsular_extension": "extension",
            "lymph_nodes": "nodes",
        }
    },
    "endpoints": {
        "bcr": {
            "kind": "survival",
            "definition": "biochemical recurrence by the hospital's algorithm",
            "time_unit": "months",
            "horizon_days": 1826.25,
        }
    },
}


def taylor_rows(table: Path = TABLE) -> list[Measured]:
    """Measure; one row says what is missing where there is no table."""
    if not table.is_file():
        return absent("fuse/taylor_capra_s", "C", table)
    patients = read_primaries(table)
    with tempfile.TemporaryDirectory(prefix="braid-taylor-") as folder:
        risk, known = capra_s_of(patients, Path(folder))
    nomogram = np.array([-number(row["Nomogram PFP_PostRP"]) for row in patients])
    has = ~np.isnan(nomogram)
    return [
        _row("kattan", c_of(nomogram, patients, has), has, 0.877),
        _row("capra_s", c_of(risk, patients, known), known, 0.813),
        _row("kattan_of_complete", c_of(nomogram, patients, has & known), has & known),
        _row("capra_s_of_complete", c_of(risk, patients, has & known), has & known),
        _row("capra_s_of_all", c_of(risk, patients, np.ones(len(risk), dtype=bool)), has | True),
    ]


def read_primaries(table: Path) -> list[dict[str, str]]:
    """Return the rows of primary tumours; two rows of metastases hold an unquoted comma and are none."""
    with table.open(encoding="latin-1", newline="") as stream:
        header, *rows = csv.reader(stream)
    return [dict(zip(header, row, strict=True)) for row in rows if row[1] == "PRIMARY"]


def capra_s_of(
    patients: list[dict[str, str]], work: Path
) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Return the risk of each patient by the arm, and whether every input that counts is known."""
    made = make_clinical_cohort(
        ClinicalTable(card=CARD, values=values_of(patients), outcomes=outcomes_of(patients)), work
    )
    protocol = Protocol(
        schema_version=1,
        name="score",
        repeats=1,
        folds=5,
        inner=2,
        arms=(ArmSpec(model="capra_s", modalities=("clinical",)),),
    )
    found = inspect_inputs(RunInputs(cohort_folder=made.manifest, cache=made.cache, protocol=protocol))
    found.refuse_errors()
    ids = tuple(row["Sample ID"] for row in patients)
    cases = read_cases(found.cache, found.chosen, ids, work)
    (plan,) = plan_arms(protocol, ("clinical",), found.cohort.card)
    learner = build_learner(plan.model, plan.modalities, dict(plan.options))
    scorer = learner.fit(cases, found.door.training(ids), Setting(), 0)
    assert isinstance(scorer, CapraScorer)
    points = scorer.points(cases.modalities["clinical"])
    return scorer.risk(cases), points.low == points.high


def values_of(patients: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return the inputs of the score, blank where they are not known."""
    plain = {"psa": "PreDxBxPSA", "gleason_1": "PathGG1", "gleason_2": "PathGG2"}
    return [
        {
            "case_id": row["Sample ID"],
            **{name: "" if row[column] == "NA" else row[column] for name, column in plain.items()},
            **{name: meaning[row[column]] for name, (column, meaning) in _YES_NO.items()},
        }
        for row in patients
    ]


def outcomes_of(patients: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return recurrence and follow-up of everybody."""
    return [
        {
            "case_id": row["Sample ID"],
            "endpoint": "bcr",
            "event": "1" if row["BCR_Event"] == "BCR_Algorithm" else "0",
            "time": row["BCR_FreeTime"],
        }
        for row in patients
    ]


def c_of(
    risk: np.ndarray[tuple[int], np.dtype[np.float64]],
    patients: list[dict[str, str]],
    rows: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> float:
    """Return Harrell's C of some patients."""
    outcome = Survival(
        event=np.array([row["BCR_Event"] == "BCR_Algorithm" for row in patients]),
        time_days=np.array([float(row["BCR_FreeTime"]) for row in patients]),
    )
    concordant, comparable = concordant_pairs(risk[rows], outcome.take(np.flatnonzero(rows)))
    return concordant / comparable


def number(text: str) -> float:
    """Return a number, NaN for NA."""
    return float("nan") if text == "NA" else float(text)


def _row(
    name: str,
    value: float,
    rows: np.ndarray[tuple[int], np.dtype[np.bool_]],
    published: float | None = None,
) -> Measured:
    return Measured(
        name=f"fuse/taylor_{name}",
        value=value,
        unit="C",
        bar=None if published is None else f"{published:.3f} to three digits",
        met=None if published is None else round(value, 3) == published,
        input=f"Taylor 2010, {int(rows.sum())} of 181 primary tumours",
    )


if __name__ == "__main__":
    sys.exit(tabulate(taylor_rows()))
