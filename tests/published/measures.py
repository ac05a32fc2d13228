"""Measures of two real prostates and one late enhancement series, through Braid's own reading.

Enters: ProstateX-0000 and 0001 with the masks of PI-CAI, two files of M-PRTM; beside the checkout. Leaves:
what the entries say, held against what others counted. `python -m tests.published.measures` runs it alone
(seconds). PI-CAI's own density of 0000 is .25: it divides the same PSA by 52 mL, which no mask here has.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

from extract.burden.density import Stated, psa_density
from extract.volumes.geometry import VoxelGrid
from extract.volumes.header import open_volume
from extract.volumes.measures.derived_regions import find_anatomy
from extract.volumes.measures.heart import measure_heart
from extract.volumes.measures.settings import Measures
from extract.volumes.reader import read_labels
from feature_cache.entry import OBSERVED, STATES, UNKNOWN
from tests.extract.volumes.studies import build, cohort_of, mask, series
from tests.measurement import ROOT, Measured, tabulate
from tests.published.shared_tables import absent

VOLUMES = ROOT.parent / "shared/data/volumes"
LABELS = {"ProstateX-0000": "ProstateX-0000_11373_1001396", "ProstateX-0001": "ProstateX-0001_10795_1000811"}
#: mL of the whole gland as counted by others on the same masks; the study's row of PI-CAI's marksheet.
GLAND_ML = {"ProstateX-0000": (44.3, "1001396"), "ProstateX-0001": (32.2, "1000811")}
BLOCK: dict[str, Any] = {"measures": {"organ": "prostate"}}


def measures_rows(folder: Path = VOLUMES) -> list[Measured]:
    """Measure them; one row says what is missing where the files are not there."""
    if not folder.is_dir():
        return absent("volumes/measures", "mL", folder)
    rows = [row for case in LABELS for row in prostate_rows(folder / "prostatex", case)]
    return rows + heart_rows(folder / "mprtm_lge")


def prostate_rows(folder: Path, case: str) -> list[Measured]:
    """Return the rows of one prostate."""
    found = {name: (value, state) for name, value, state in measured_prostate(folder, case)}
    expected, study = GLAND_ML[case]
    volume, state = found["gland_volume_ml"]
    psa = _marksheet(folder / "marksheet.csv", study)
    density = psa_density(Stated(value=psa, state=OBSERVED), Stated(value=volume, state=state))
    lesion = found["lesion_volume_ml"]
    negative = case == "ProstateX-0001"
    as_it_is = (lesion == (0.0, OBSERVED)) if negative else lesion[1] == OBSERVED and lesion[0] > 0
    if negative:
        as_it_is = as_it_is and STATES[found["lesion_adc_p10"][1]] == "not_applicable"

    def row(name: str, value: float, unit: str, bar: str | None = None, met: bool | None = None) -> Measured:
        return Measured(
            name=f"volumes/{name}_{case[-4:]}", value=value, unit=unit, bar=bar, met=met, input=case
        )

    return [
        row("gland_volume", volume, "mL", f"{expected} to .05", abs(volume - expected) <= 0.05),
        row("psa_density", density.value, "ng/mL/mL"),
        row(
            "lesion_volume",
            lesion[0],
            "mL",
            "0, observed" if negative else "observed",
            as_it_is,
        ),
        *(row(name, found[name][0], "1e-6 mm2/s") for name in ("gland_adc_p10", "gland_adc_lowest_cc")),
    ]


def measured_prostate(folder: Path, case: str) -> list[tuple[str, float, int]]:
    """Return name, value and state of every measure of one case."""
    drawn = [
        mask("prostate", f"picai_labels/{case}/{LABELS[case]}_whole_gland_AI_Bosma22b.nii.gz", "1=prostate"),
        mask("zones", f"picai_labels/{case}/{LABELS[case]}_zonal_pz_tz_AI_HeviAI23.nii.gz", "1=PZ;2=TZ"),
        mask("lesion", f"picai_labels/{case}/{LABELS[case]}_cspca_human_expert_resampled.nii.gz"),
    ]
    shown = [series(name, f"{case}/{case}_{name}.nii.gz") for name in ("t2w", "adc", "hbv")]
    draft = build(cohort_of(shown, drawn), folder, BLOCK)
    names: Any = draft.attrs["measure_names"]
    values, states = draft.arrays["measures"].tolist(), draft.arrays["measure_state"].tolist()
    return list(zip(names, values, states, strict=True))


def heart_rows(folder: Path) -> list[Measured]:
    """Late enhancement whose spacing was lost: no mL, no gram, a share of the segmented myocardium."""
    shown = [series("lge", "3enhancement_img.nii.gz")]
    drawn = [mask("scar", "3enhancement_gt.nii.gz", "1=scar")]
    draft = build(cohort_of(shown, drawn), folder, {"measures": {"organ": "heart"}})
    states = dict(zip(draft.attrs["measure_names"], draft.arrays["measure_state"].tolist(), strict=True))  # type: ignore[arg-type]
    in_ml = [name for name in states if name.endswith(("_ml", "_g", "_lv_mass"))]
    refused = sum(states[name] == UNKNOWN for name in in_ml)
    stored = open_volume(folder / "DGT508.nii.gz", "DGT508", "label")
    labels = read_labels(stored, "DGT508")
    grid = VoxelGrid(size=labels.shape, affine=stored.affine)
    parts = {"myocardium": labels == 1, "scar": labels == 2}
    anatomy = find_anatomy(parts, grid, False, Measures(organ="heart"), "DGT508")
    share = measure_heart(anatomy, None, grid, False)[0]["scar_percent_of_myocardium"]
    source = "M-PRTM: late enhancement 3, spacing lost"
    return [
        Measured(
            name="volumes/scar_in_ml_or_g_refused",
            value=refused,
            unit=f"of {len(in_ml)}",
            bar="all",
            met=refused == len(in_ml) and states["scar_present"] == OBSERVED,
            input=source,
        ),
        Measured(
            name="volumes/scar_percent_of_myocardium",
            value=share.value,
            unit="%",
            bar=None,
            met=None,
            input="M-PRTM: mask DGT508, label 2 of labels 1 and 2",
        ),
    ]


def _marksheet(path: Path, study: str) -> float:
    with path.open(newline="", encoding="utf-8") as stream:
        return next(float(row["psa"]) for row in csv.DictReader(stream) if row["study_id"] == study)


if __name__ == "__main__":
    sys.exit(tabulate(measures_rows()))
