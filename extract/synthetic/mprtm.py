"""The M-PRTM layout: one CSV of 97 columns with medication text and labels, and late-enhancement volumes.

Enters: number of cases, seed. Leaves: data_example.csv plus a time column for every event (`<event>_days`,
which the published table lacks), `<CMR_ID>enhancement_{img,gt}.nii.gz`, and what was painted. No slides.
Missing is the literal nan. The planted endpoint is Rehospitalization; the labels are nested.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from extract.synthetic.clinical_mprtm import MprtmClinical, draw_clinical
from extract.synthetic.medication import Medication, draw_medication
from extract.synthetic.mprtm_labels import EVENTS, LABELS, draw_labels
from extract.synthetic.outcomes import FollowUp
from extract.synthetic.planted_cohort import Design, PlantedCohort, plant
from extract.synthetic.reading import Reading
from extract.synthetic.scar import Scar, draw_scar, paint_scar
from extract.synthetic.streams import stream
from extract.synthetic.truth import Findings
from extract.volumes.nifti_writer import write_nifti

DESIGN = Design(
    layout="mprtm",
    endpoint="rehospitalization",
    endpoint_column="Rehospitalization",
    time_unit="days",
    follow_up=FollowUp(shortest=180.0, longest=900.0, dropout=3000.0, shape=0.9, decimals=0),
    shuffled=("volumes", "notes", "clinical"),
    fixed=(),
)
MEASUREMENTS = {
    "volumes": ("fibrosis_area",),
    "notes": ("prescribed_share",),
    "clinical": ("age_decades", "nyha", "lvef_tenths", "log2_bnp", "log2_creatinine"),
}
TABLE = "data_example.csv"
NOTE, FIBROSIS = "medical_indicator", "Myocardial Fibrosis Area"
#: CMR_ID is another number than ID: 131 n + 545 modulo a prime, without repeats.
FIRST_CMR, CMR_STEP, CMR_PRIME = 545, 131, 10_007
MISSING_CMR, MISSING_NOTE = 0.10, 0.05
#: RAS from voxels with the placeholder spacing of the published files.
AFFINE = np.diag([-1.0, -1.0, 1.0, 1.0])
FEATURES = (
    "Gender", "Age", "Weight", "BMI", "Acute Decompensated Heart Failure", "NYHA Class", "Edema Status",
    "Heart Rate (bpm)", "Systolic BP", "Diastolic BP", "Hypertension History", "Coronary Artery Disease",
    "Myocardial Infarction", "Cardiac Stent", "Inflammatory Disease History", "Kidney Disease",
    "Chronic Renal Failure", "Cerebrovascular Disease", "Smoking History", "Alcohol History",
    "Diabetes Mellitus", "Hyperlipidemia", "Liver Disease", "Pulmonary Disease", "Atrial Fibrillation",
    "AV Block", "Pacemaker", "Other Cardiovascular Disease", "Other Diseases", NOTE, "IVSTd", "LVPWTd",
    "LVDd", "AoD", "LAD", "LVEF", "BNP", "TNT", "CK-MB", "ALT", "AST", "LDH", "Total Bilirubin",
    "Direct Bilirubin", "Cholinesterase", "Total Protein", "Albumin", "Globulin", "Albumin/Globulin Ratio",
    "Glucose", "Urea", "Creatinine", "Uric Acid", "Triglycerides", "Cholesterol", "HDL-C", "LDL-C", "Apo-A1",
    "Apo-B", "Total Calcium", "Phosphorus", "Potassium", "Sodium", "Chloride", "CRP", "eGFR", "PT", "INR",
    "APTT", "TT", "Fibrinogen", "D-dimer", "WBC", "GRA%", "Neutrophils", "Lymphocytes", "Monocytes",
    "Eosinophils", "Basophils", "RBC", "Hemoglobin", "Hematocrit", "Platelets", "TSH", "Free T3", "Free T4",
    "HbA1c%", FIBROSIS,
)  # fmt: skip
COLUMNS = ("ID", "CMR_ID", *FEATURES, *LABELS)
TIMES = tuple(f"{event}_days" for event in EVENTS)


@dataclass(frozen=True, kw_only=True)
class MprtmCase:
    """Everything of one case that is known before its outcome."""

    number: int
    case_id: str
    cmr_id: str
    scar: Scar
    medication: Medication
    clinical: MprtmClinical
    missing: tuple[str, ...]

    @property
    def readings(self) -> dict[str, Reading]:
        """One reading a modality; nothing is read where it is missing."""
        readings = {
            "volumes": self.scar.reading,
            "notes": self.medication.reading,
            "clinical": self.clinical.reading,
        }
        return {name: r.unread() if name in self.missing else r for name, r in readings.items()}


def plant_mprtm(cases: int, seed: int) -> PlantedCohort[MprtmCase]:
    """Draw the cases and their outcomes, no files."""
    return plant(DESIGN, [draw_case(number, seed) for number in range(cases)], seed)


def draw_case(number: int, seed: int) -> MprtmCase:
    """Draw one case; it does not depend on how many others there are."""
    chance = stream(seed, "missing", number).random(2)
    absent = (("volumes", chance[0] < MISSING_CMR), ("notes", chance[1] < MISSING_NOTE))
    return MprtmCase(
        number=number,
        case_id=str(number + 1),
        cmr_id=str((FIRST_CMR + CMR_STEP * number) % CMR_PRIME),
        scar=draw_scar(stream(seed, "scar", number)),
        medication=draw_medication(stream(seed, "medication", number)),
        clinical=draw_clinical(stream(seed, "clinical", number)),
        missing=tuple(name for name, gone in absent if gone),
    )


def write_mprtm(out: Path, cohort: PlantedCohort[MprtmCase], progress: Callable[[int], None]) -> Findings:
    """Write the table and the volumes and return how much scar each volume shows."""
    found = Findings()
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow((*COLUMNS, *TIMES))
    for row, case in enumerate(cohort.cases):
        table.writerow(_row(cohort, row))
        if "volumes" not in case.missing:
            _write_volumes(out, case, cohort.seed, found)
        progress(row + 1)
    (out / TABLE).write_bytes(text.getvalue().encode("utf-8"))
    return found


def _row(cohort: PlantedCohort[MprtmCase], row: int) -> list[str]:
    case, outcomes = cohort.cases[row], cohort.outcomes
    rng = stream(cohort.seed, "labels", case.number)
    labels = draw_labels(bool(outcomes.event[row]), float(outcomes.time[row]), rng)
    cells: dict[str, object] = {"ID": case.case_id, "CMR_ID": case.cmr_id, **case.clinical.cells, **labels}
    cells[NOTE] = None if "notes" in case.missing else case.medication.text
    cells[FIBROSIS] = None if "volumes" in case.missing else case.scar.area
    return ["nan" if cells[name] is None else str(cells[name]) for name in (*COLUMNS, *TIMES)]


def _write_volumes(out: Path, case: MprtmCase, seed: int, found: Findings) -> None:
    volumes = paint_scar(case.scar, stream(seed, "late enhancement", case.number))
    write_nifti(out / f"{case.cmr_id}enhancement_img.nii.gz", volumes.image, AFFINE)
    write_nifti(out / f"{case.cmr_id}enhancement_gt.nii.gz", volumes.mask, AFFINE)
    where = np.argwhere(volumes.mask > 0)
    found.lesions[case.case_id] = {
        "cmr_id": case.cmr_id,
        "scar_voxels": case.scar.pixels,
        "fibrosis_area": case.scar.area,
        "box_voxels": [where.min(axis=0).tolist(), where.max(axis=0).tolist()] if len(where) else None,
    }
