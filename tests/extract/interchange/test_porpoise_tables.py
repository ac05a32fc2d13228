"""The tables of PORPOISE as they were published; skipped where they are not beside the checkout."""

from __future__ import annotations

import csv
import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from extract.interchange.table_columns import ColumnChoice
from extract.interchange.table_import import TableRequest, import_table
from feature_cache.cohort import read_cohort
from feature_cache.errors import SourceError
from feature_cache.store import FeatureCache
from feature_cache.value_names import unpack_names
from tests.extract.interchange.conftest import CARD

SHARED = Path(__file__).parents[4] / "shared" / "data" / "tables" / "porpoise" / "datasets_csv_mutsig"
PAAD, UCEC = (SHARED / f"tcga_{name}_all_clean.csv.zip" for name in ("paad", "ucec"))

pytestmark = pytest.mark.skipif(not PAAD.is_file(), reason="the tables of PORPOISE are not here")


def rows_of(path: Path) -> list[dict[str, str]]:
    with zipfile.ZipFile(path) as archive:
        text = archive.read(archive.namelist()[0]).decode()
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize(("path", "cases", "columns"), [(PAAD, 166, 1649), (UCEC, 480, 1411)])
def test_one_row_a_slide_becomes_one_entry_a_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: Path, cases: int, columns: int
) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    rows = rows_of(path)
    ids = list(dict.fromkeys(row["case_id"] for row in rows))
    assert len(rows) > len(ids) == cases
    folder = tmp_path / "manifest"
    folder.mkdir()
    (folder / "cohort.yaml").write_text(CARD.replace("[slides]", "[omics]"), encoding="utf-8")
    (folder / "cases.csv").write_text("case_id,site\n" + "".join(f"{case},s\n" for case in ids))
    cohort, cache = read_cohort(folder), FeatureCache.create(tmp_path / "cache")
    patterns = ("*_rnaseq", "*_cnv", "*_mut")
    choice = ColumnChoice(columns=(*patterns, *(["BCR_rnaseq"] if path == PAAD else [])))
    request = TableRequest(table=path, modality="omics", name="omics", choice=choice)
    summary = import_table(request, cohort, cache)
    assert (summary.columns, summary.outcomes, summary.others, summary.without) == (
        columns,
        {"committed": cases},
        0,
        0,
    )
    assert summary.unmatched == (("*_rnaseq",) if path == UCEC else ())
    last = next(record for record in cache.records() if record.case_id == ids[-1])
    arrays = cache.arrays(last)
    names = unpack_names(arrays["names"])
    expected = [float(rows[-1][name]) for name in names]
    assert rows[-1]["case_id"] == ids[-1]
    np.testing.assert_array_equal(arrays["values"], expected)


@pytest.mark.parametrize(
    ("choice", "named"),
    [
        (ColumnChoice(), "a column without a name"),
        (ColumnChoice(without=("",)), "survival_months, censorship, BCR_rnaseq"),
        (ColumnChoice(columns=("*_rnaseq",)), "BCR_rnaseq"),
        (ColumnChoice(columns=("slide_id", "oncotree_code", "age")), "slide_id, oncotree_code"),
    ],
)
def test_what_is_not_omics_is_refused_by_name(tmp_path: Path, choice: ColumnChoice, named: str) -> None:
    folder = tmp_path / "manifest"
    folder.mkdir()
    (folder / "cohort.yaml").write_text(CARD.replace("[slides]", "[omics]"), encoding="utf-8")
    (folder / "cases.csv").write_text("case_id,site\nTCGA-2J-AAB1,s\n")
    request = TableRequest(table=PAAD, modality="omics", name="omics", choice=choice)
    with pytest.raises(SourceError, match=named):
        import_table(request, read_cohort(folder), FeatureCache.create(tmp_path / "cache"))
