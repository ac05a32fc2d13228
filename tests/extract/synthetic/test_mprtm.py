from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from extract.synthetic import mprtm as layout


def rows(written: Any) -> list[dict[str, str]]:
    with (written.root / layout.TABLE).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_columns_are_the_97_published_ones_and_a_time_for_each_event(
    mprtm: Any, shared_data: Path
) -> None:
    with (shared_data / "tables" / "mprtm" / "data_example.csv").open(encoding="utf-8") as file:
        published = next(csv.reader(file))
    found = list(rows(mprtm)[0])
    assert len(published) == 97
    assert found[:97] == published
    assert found[97:] == [
        "Death_days",
        "Cardiovascular Death_days",
        "Rehospitalization_days",
        "Cardiology Rehospitalization_days",
        "MACCES Event_days",
    ]


def test_the_table_agrees_with_the_truth(mprtm: Any) -> None:
    for row in rows(mprtm):
        truth = mprtm.truth["cases"][row["ID"]]
        assert row["Rehospitalization"] == str(int(truth["event"]))
        assert int(row["Rehospitalization_days"]) == truth["time"] >= 1
        assert (row["medical_indicator"] == "nan") == ("notes" in truth["missing"])
        assert (row["Myocardial Fibrosis Area"] == "nan") == ("volumes" in truth["missing"])
        assert "" not in row.values()
    assert mprtm.truth["endpoint_column"] == "Rehospitalization"
    assert set(mprtm.truth["modality_weights"]) == {"volumes", "notes", "clinical"}


def test_volumes_are_named_by_cmr_id_which_is_not_the_case_id(mprtm: Any) -> None:
    expected = set()
    for row in rows(mprtm):
        assert row["CMR_ID"] != row["ID"]
        if row["ID"] in mprtm.truth["lesions"]:
            expected |= {f"{row['CMR_ID']}enhancement_{what}.nii.gz" for what in ("img", "gt")}
    assert {path.name for path in mprtm.root.glob("*.nii.gz")} == expected


def test_values_that_follow_from_others_do(mprtm: Any) -> None:
    for row in rows(mprtm):
        globulin = float(row["Total Protein"]) - float(row["Albumin"])
        assert abs(float(row["Globulin"]) - max(globulin, 10.0)) < 0.06
        assert float(row["Neutrophils"]) <= float(row["WBC"])
        assert row["NYHA Class"] in ("1", "2", "3", "4")


def test_missing_is_the_literal_nan_at_about_the_published_rate(mprtm: Any) -> None:
    cells = [value for row in rows(mprtm) for value in row.values()]
    assert 0.005 < np.mean([cell == "nan" for cell in cells]) < 0.06  # 21 of 970 in the real table
