"""The CHIMERA Task 1 layout: slides with tissue masks, prostate MRI, clinical JSON, and letters beside them.

Enters: number of cases, seed. Leaves: the folders of the download (facts: clinical_data, pathology/images,
radiology/images) plus notes/<pid>/<pid>_<n>.txt, and what the painters put where. One case in ten lacks its
MRI, more often a frail man; one in twenty lacks letters.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from extract.synthetic.clinical_chimera import ChimeraClinical, clinical_json, draw_clinical
from extract.synthetic.lesion import Lesion, draw_lesion
from extract.synthetic.letters import Letters, draw_letters
from extract.synthetic.mha import write_mha
from extract.synthetic.outcomes import FollowUp
from extract.synthetic.planted_cohort import Design, PlantedCohort, plant
from extract.synthetic.prostate_mri import paint_study
from extract.synthetic.reading import Reading
from extract.synthetic.slide_files import write_slide, write_tissue_mask
from extract.synthetic.slide_layout import TILE_PX0, hazardous_tiles
from extract.synthetic.slide_painter import paint_slide
from extract.synthetic.streams import stream
from extract.synthetic.truth import Findings
from extract.synthetic.tumour import Tumour, draw_tumour

DESIGN = Design(
    layout="chimera",
    endpoint="bcr",
    endpoint_column="BCR",
    time_unit="months",
    follow_up=FollowUp(shortest=18.0, longest=110.0, dropout=300.0, shape=1.1, decimals=1),
    shuffled=("slides", "notes", "clinical"),
    fixed=("volumes",),
)
MEASUREMENTS = {
    "slides": ("burden", "grade"),
    "volumes": ("radius_mm", "adc_loss"),
    "notes": ("poor_share",),
    "clinical": (
        "log2_psa",
        "isup",
        "extracapsular",
        "positive_margin",
        "seminal_vesicles",
        "positive_nodes",
    ),
}
#: 4-digit ids without repeats up to 10,000 cases; the first is "0071".
FIRST_ID, ID_STEP, ID_COUNT = 71, 1237, 10_000
MISSING_MRI, MISSING_MRI_PER_FRAILTY, MISSING_NOTES = 0.10, 0.05, 0.05


@dataclass(frozen=True, kw_only=True)
class ChimeraCase:
    """Everything of one case that is known before its outcome."""

    number: int
    case_id: str
    tumour: Tumour
    lesion: Lesion
    letters: Letters
    clinical: ChimeraClinical
    missing: tuple[str, ...]

    @property
    def readings(self) -> dict[str, Reading]:
        """One reading a modality; nothing is read where files are missing."""
        readings = {
            "slides": self.tumour.reading,
            "volumes": self.lesion.reading,
            "notes": self.letters.reading,
            "clinical": self.clinical.reading,
        }
        return {name: r.unread() if name in self.missing else r for name, r in readings.items()}


def plant_chimera(cases: int, seed: int) -> PlantedCohort[ChimeraCase]:
    """Draw the cases and their outcomes, no files."""
    return plant(DESIGN, [draw_case(number, seed) for number in range(cases)], seed)


def draw_case(number: int, seed: int) -> ChimeraCase:
    """Draw one case; it does not depend on how many others there are."""
    letters = draw_letters(stream(seed, "letters", number))
    chance = stream(seed, "missing", number).random(2)
    frailty = letters.reading.latents["poor_constitution"]
    no_mri = chance[0] < np.clip(MISSING_MRI + MISSING_MRI_PER_FRAILTY * frailty, 0.01, 0.4)
    absent = (("volumes", no_mri), ("notes", chance[1] < MISSING_NOTES))
    return ChimeraCase(
        number=number,
        case_id=f"{(FIRST_ID + ID_STEP * number) % ID_COUNT:04d}",
        tumour=draw_tumour(stream(seed, "tumour", number)),
        lesion=draw_lesion(stream(seed, "lesion", number)),
        letters=letters,
        clinical=draw_clinical(stream(seed, "clinical", number)),
        missing=tuple(name for name, gone in absent if gone),
    )


def write_chimera(out: Path, cohort: PlantedCohort[ChimeraCase], progress: Callable[[int], None]) -> Findings:
    """Write the files of every case and return what was painted where."""
    found = Findings()
    for row, case in enumerate(cohort.cases):
        _write_clinical(out, cohort, row)
        _write_slides(out, case, cohort.seed, found)
        if "volumes" not in case.missing:
            _write_mri(out, case, cohort.seed, found)
        if "notes" not in case.missing:
            folder = _folder(out / "notes" / case.case_id)
            for number, text in enumerate(case.letters.texts, start=1):
                (folder / f"{case.case_id}_{number}.txt").write_text(text, encoding="utf-8")
        progress(row + 1)
    return found


def _write_clinical(out: Path, cohort: PlantedCohort[ChimeraCase], row: int) -> None:
    case, outcomes = cohort.cases[row], cohort.outcomes
    rng = stream(cohort.seed, "recurrence", case.number)
    record = clinical_json(case.clinical, bool(outcomes.event[row]), float(outcomes.time[row]), rng)
    path = _folder(out / "clinical_data") / f"{case.case_id}.json"
    path.write_text(json.dumps(record, indent=4) + "\n", encoding="utf-8")


def _write_slides(out: Path, case: ChimeraCase, seed: int, found: Findings) -> None:
    folder = _folder(out / "pathology" / "images" / case.case_id)
    for number, plan in enumerate(case.tumour.slides, start=1):
        slide_id = f"{case.case_id}_{number}"
        painted = paint_slide(plan, stream(seed, f"slide {number}", case.number))
        write_slide(folder / f"{slide_id}.tif", painted.rgb)
        write_tissue_mask(folder / f"{slide_id}_tissue.tif", painted.layout.tissue)
        found.hazardous_tiles[slide_id] = {
            "tile_px0": TILE_PX0,
            "xy_px0": hazardous_tiles(painted.layout).tolist(),
            "burden": plan.burden,
            "grade": plan.grade,
            "pen": painted.has_pen,
        }


def _write_mri(out: Path, case: ChimeraCase, seed: int, found: Findings) -> None:
    folder = _folder(out / "radiology" / "images" / case.case_id)
    study = paint_study(case.lesion, stream(seed, "mri", case.number))
    for suffix, volume in study.volumes.items():
        write_mha(folder / f"{case.case_id}_0001_{suffix}.mha", volume.voxels, volume.grid)
    radius, centre = case.lesion.radius_mm, np.array(study.lesion_centre_ras_mm)
    lesion: dict[str, Any] = {
        "centre_ras_mm": centre.tolist(),
        "radius_mm": radius,
        "box_ras_mm": [(centre - radius).tolist(), (centre + radius).tolist()],
        "adc_loss": case.lesion.contrast,
    }
    found.lesions[case.case_id] = lesion


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path
