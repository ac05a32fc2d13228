"""The anchors' own reading of published tables, on rows that are small enough to check by eye."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pytest

from tests.published.byar_green import byar_green_rows
from tests.published.mcat import CANCERS, PUBLISHED, agreeing, folds_of, mcat_rows, table, worst_difference
from tests.published.mprtm import ENDPOINTS, endpoints_of
from tests.published.taylor import outcomes_of, read_primaries, taylor_rows, values_of


class TestMcat:
    def test_the_table_has_every_method_and_cancer(self) -> None:
        assert len(table()) == 55 == len(PUBLISHED) * len(CANCERS)
        assert table()["SNNsm_nll_surv_a0.0_reg1e-04_5foldcv_gc32_sig", "brca"] == (466, 58)

    def test_c_is_read_fold_by_fold_and_a_digit_off_is_seen(self, tmp_path: Path) -> None:
        path = tmp_path / "oof.csv.gz"
        cases = [("-1", "1.0", "0"), ("-2", "2.0", "0"), ("-4", "3.0", "1"), ("-3", "4.0", "0")]
        with gzip.open(path, "wt", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(("method", "cancer", "fold", "risk", "survival_months", "censorship"))
            for method, cancer in table():
                writer.writerows((method, cancer, "0", *row) for row in cases)
                writer.writerows((method, cancer, "1", "0", *row[1:]) for row in cases)
        folds = folds_of(path)
        # 5 of 5 comparable pairs in order; all alike in the second fold
        assert set(map(tuple, folds.values())) == {(1.0, 0.5)}
        assert agreeing(folds) == (0, 0)
        assert worst_difference(folds) == pytest.approx(0.75 - 0.466)


def test_taylor_keeps_primaries_and_blanks_what_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "STable1.csv"
    header = "Sample ID,Type,PreDxBxPSA,PathGG1,PathGG2,SMS,ECE,SVI,LNI,BCR_FreeTime,BCR_Event"
    rows = (
        "A,PRIMARY,6.1,3,4,Positive,FOCAL,Negative,Not Done_NX,12.5,BCR_Algorithm",
        "B,MET,1,3,3,Negative,NONE,Negative,Normal_N0,1,NO,one field too many",
        "C,PRIMARY,NA,4,3,Negative,INV_CAPSULE,Positive,Abnormal_N1,30,NO",
    )
    path.write_text("\n".join((header, *rows)) + "\n", encoding="latin-1")
    patients = read_primaries(path)
    first, second = values_of(patients)
    assert first == {
        "case_id": "A", "psa": "6.1", "gleason_1": "3", "gleason_2": "4",
        "margin": "1", "extension": "1", "vesicles": "0", "nodes": "",
    }  # fmt: skip
    assert (second["psa"], second["extension"], second["nodes"]) == ("", "0", "1")
    assert [row["event"] for row in outcomes_of(patients)] == ["1", "0"]


def labels(
    readmitted: tuple[int, int], died: tuple[int, int], cardiology: int = 0
) -> dict[str, dict[str, str]]:
    return {
        "rehospitalization": {"event": str(readmitted[0]), "time": str(readmitted[1])},
        "death": {"event": str(died[0]), "time": str(died[1])},
        "cardiology_rehospitalization": {"event": str(cardiology), "time": "0"},
    }


@pytest.mark.parametrize(
    ("own", "readmitted", "ward"),
    [
        (labels((1, 100), (0, 400), cardiology=1), "1", "cardiology"),
        (labels((1, 365), (0, 400)), "1", "elsewhere"),
        (labels((1, 366), (0, 400)), "0", "none"),
        (labels((0, 365), (0, 365)), "0", "none"),
        (labels((0, 200), (1, 200)), "0", "none"),
        (labels((0, 200), (0, 200)), "", ""),
    ],
)
def test_a_year_that_was_not_seen_is_unknown_and_not_a_no(own, readmitted, ward) -> None:
    rows = {row["endpoint"]: row for row in endpoints_of(own)}
    assert set(rows) == set(ENDPOINTS)
    assert (rows["readmitted"]["value"], rows["ward"]["value"]) == (readmitted, ward)
    assert rows["days"]["time"] == own["rehospitalization"]["time"]


@pytest.mark.parametrize("measure", [mcat_rows, taylor_rows, byar_green_rows])
def test_without_its_table_an_anchor_says_so(measure, tmp_path: Path) -> None:
    (row,) = measure(tmp_path / "nothing.csv")
    assert row.value is None and row.input == "not measured: nothing.csv is absent"
