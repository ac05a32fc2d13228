"""The MultiSurv table as a cohort: 33 cancers, death of any cause, the groups of the publication.

Enters: `clinical_data.tsv.gz` of luisvalesilva/multisurv, with or without the two columns of treatments.
Leaves: manifests in Braid's own form, and the split as a fold file. What says the outcome in other words
(vital_status, days_to_death, days_to_last_follow_up) is never written among the clinical values.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import yaml

Row = Mapping[str, str]

#: The ten variables of the publication (nine categorical ones and age), of which two are treatments. Texts
#: have no levels here: those are read from the table, as they are.
AT_DIAGNOSIS = (
    "age_at_diagnosis",
    "tumor_stage",
    "gender",
    "race",
    "project_id",
    "prior_treatment",
    "prior_malignancy",
    "synchronous_malignancy",
)
TREATMENTS = (
    "treatments_pharmaceutical_treatment_or_therapy",
    "treatments_radiation_treatment_or_therapy",
)
OUTCOMES_IN_DISGUISE = {
    "vital_status": "the outcome",
    "days_to_death": "the time of the outcome, present only where there was one",
    "days_to_last_follow_up": "the time of the outcome, present only where there was none",
    "time": "the time of the outcome",
    "event": "the outcome",
}
LATER = "given after the diagnosis, on a day that the table does not say"

#: Years in the table are days / 365.
DAYS_A_YEAR = 365.0
#: Of 137 patients the only time is day 0, which Braid refuses; this keeps them before everybody else's first.
FIRST_DAY = 0.5
HORIZON_DAYS = 1826.25
ENDPOINT = "death"

_YES_NO = ("prior_treatment", "prior_malignancy", "synchronous_malignancy", *TREATMENTS)


def read_patients(table: Path) -> list[dict[str, str]]:
    """Return a row for each patient, every cell as it came."""
    with gzip.open(table, "rt", encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


def write_cohort(name: str, patients: Sequence[Row], folder: Path, groups: Collection[str]) -> None:
    """Write a manifest of all patients: clinical values of all, outcomes of some.

    Parameters
    ----------
    name
        `multisurv_with` the treatments or `multisurv_without`.
    folder
        New folder.
    groups
        Only patients of these groups have a row in outcomes.csv: what is chosen cannot have seen the others.
    """
    columns = (*AT_DIAGNOSIS, *TREATMENTS) if name.endswith("_with") else AT_DIAGNOSIS
    folder.mkdir(parents=True)
    card = yaml.safe_dump(_card(name, columns, patients), sort_keys=False)
    (folder / "cohort.yaml").write_text(card, encoding="utf-8")
    _write(folder / "cases.csv", ("case_id", "site"), [(row["submitter_id"], "") for row in patients])
    values = [(row["submitter_id"], *(row[column] for column in columns)) for row in patients]
    _write(folder / "clinical.csv", ("case_id", *columns), values)
    outcomes = [
        (row["submitter_id"], ENDPOINT, row["event"], days_of(row), "", "")
        for row in patients
        if row["group"] in groups
    ]
    _write(folder / "outcomes.csv", ("case_id", "endpoint", "event", "time", "cause", "value"), outcomes)


def write_split(path: Path, patients: Sequence[Row], train: Collection[str], tested: str) -> None:
    """Write one fold: these groups are its train part, `tested` its test part; others are not in it."""
    part_of = dict.fromkeys(train, "train") | {tested: "test"}
    rows = [(1, 1, row["submitter_id"], part_of[row["group"]]) for row in patients if row["group"] in part_of]
    _write(path, ("repeat", "fold", "case_id", "part"), rows)


def days_of(row: Row) -> float:
    """Return the days to death or last contact, half a day for day 0."""
    return max(round(float(row["time"]) * DAYS_A_YEAR), FIRST_DAY)


def _card(name: str, columns: Sequence[str], patients: Sequence[Row]) -> dict[str, object]:
    left_out = {column: LATER for column in TREATMENTS if column not in columns}
    return {
        "schema_version": 1,
        "name": name,
        "title": "MultiSurv, clinical values of 33 cancers",
        "citation": "Vale-Silva and Rohr 2021, Scientific Reports 11, 13505 (luisvalesilva/multisurv)",
        "licence": "MIT",
        "sites": [],
        "modalities": ["clinical"],
        "index_event": "diagnosis",
        "prediction_day": 0,
        "variables": {column: _variable(column, patients) for column in columns},
        "excluded": OUTCOMES_IN_DISGUISE | left_out,
        "endpoints": {
            ENDPOINT: {
                "kind": "survival",
                "definition": "death of any cause, days from diagnosis",
                "time_unit": "days",
                "horizon_days": HORIZON_DAYS,
            }
        },
    }


def _variable(column: str, patients: Sequence[Row]) -> dict[str, object]:
    note = {"note": f"{LATER}: taken as known, as in the publication"} if column in TREATMENTS else {}
    if column == "age_at_diagnosis":
        return {"kind": "numeric", "unit": "d", "limits": [0, 40000]}
    if column in _YES_NO:
        return {"kind": "binary", **note}
    return {"kind": "categorical", "levels": sorted({row[column] for row in patients} - {""})}


def _write(path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
