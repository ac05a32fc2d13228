from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from extract.interchange.table_columns import ColumnChoice
from extract.interchange.table_import import TableRequest, TableSummary, import_table
from feature_cache.cohort import Cohort, read_cohort
from feature_cache.entry import MISSING, OBSERVED
from feature_cache.errors import BraidError
from feature_cache.store import Entry, FeatureCache
from feature_cache.value_names import unpack_names
from tests.extract.interchange.conftest import CARD
from tests.extract.interchange.test_verbs import call

TABLE = "case_id,slide_id,a_rna,b_rna,c_cnv\n007,s1,0.5,NA,1\n007,s2,0.5,,1.0\n7,s3,-2,3e2,0\n08,s4,9,9,9\n"
RNA = ColumnChoice(columns=("*_rna",))

Import = Callable[..., TableSummary]


@pytest.fixture(autouse=True)
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write a cohort of four cases, two of which the table has."""
    folder = tmp_path / "manifest"
    folder.mkdir()
    (folder / "cohort.yaml").write_text(CARD.replace("[slides]", "[slides, omics]"), encoding="utf-8")
    (folder / "cases.csv").write_text("case_id,site\n007,s\n7,s\n8,s\n9,s\n", encoding="utf-8")
    return folder


@pytest.fixture
def cohort(folder: Path) -> Cohort:
    return read_cohort(folder)


@pytest.fixture
def cache(tmp_path: Path) -> FeatureCache:
    return FeatureCache.create(tmp_path / "cache")


@pytest.fixture
def take(tmp_path: Path, cohort: Cohort, cache: FeatureCache) -> Import:
    """Import a text as a table."""

    def imported(text: str = TABLE, choice: ColumnChoice = RNA, **words: object) -> TableSummary:
        path = tmp_path / "rna.csv"
        path.write_text(text, encoding="utf-8")
        request = {"modality": "omics", "name": "rna", **words}
        return import_table(TableRequest(table=path, choice=choice, **request), cohort, cache)

    return imported


def entries(cache: FeatureCache) -> dict[str, Entry]:
    return {record.case_id: cache.read(record.key) for record in cache.records("three", "omics")}


def test_a_row_becomes_an_entry(take: Import, cache: FeatureCache) -> None:
    summary = take()
    lines = summary.describe().splitlines()
    assert lines == [
        f"2 made, 0 were there; {summary.feature_set}, 2 columns",
        "1 case(s) of the table are not in the cohort and were left",
        "2 case(s) of the cohort have no row: missing",
    ]
    found = entries(cache)
    assert sorted(found) == ["007", "7"]  # ids are texts: 08 is not 8
    np.testing.assert_array_equal(found["007"].arrays["values"], [0.5, np.nan])
    assert found["007"].arrays["state"].tolist() == [OBSERVED, MISSING]
    np.testing.assert_array_equal(found["7"].arrays["values"], [-2, 300])
    for entry in found.values():
        assert unpack_names(entry.arrays["names"]) == ("a_rna", "b_rna")
        assert entry.record.kind == "vector" and entry.record.array_format == "inline"
        assert entry.record.settings["columns_sha256"] == entry.record.arrays["names"].sha256
    assert all(check.ok for check in cache.verify())


def test_the_same_again_is_there_and_a_changed_table_replaces(take: Import, cache: FeatureCache) -> None:
    first = take()
    assert take().describe().startswith("0 made, 2 were there")
    again = take(TABLE.replace("-2", "-3"))
    assert (again.feature_set, dict(again.outcomes)) == (first.feature_set, {"replaced": 2})
    assert entries(cache)["7"].arrays["values"][0] == -3


def test_other_columns_another_day_and_another_name_are_other_sets(take: Import) -> None:
    sets = [take(), take(choice=ColumnChoice(columns=("*_cnv",))), take(day=-3), take(name="other")]
    assert len({one.feature_set for one in sets}) == 4
    assert sets[1].namesakes == (sets[0].feature_set,)
    assert "not the set that was there" in sets[1].describe()


def test_a_table_that_would_replace_a_part_is_refused(take: Import, cache: FeatureCache) -> None:
    take()
    with pytest.raises(BraidError, match=r"1 case\(s\) of another table .* the first is 007"):
        take("case_id,a_rna,b_rna\n7,1,2\n")
    assert entries(cache)["7"].arrays["values"][0] == -2
    take("case_id,a_rna,b_rna\n7,1,2\n", name="second")


def test_constant_and_missing_columns_and_rows_stay(take: Import, cache: FeatureCache) -> None:
    take("case_id,a_rna,b_rna\n007,,\n7,,1\n8,,1\n")
    found = entries(cache)
    assert found["007"].arrays["state"].tolist() == [MISSING, MISSING]
    np.testing.assert_array_equal(found["8"].arrays["values"], [np.nan, 1])


@pytest.mark.parametrize(
    ("text", "words", "message"),
    [
        (TABLE, {"choice": ColumnChoice()}, r"rna.csv: slide_id: .* other texts in 1 column"),
        (
            TABLE.replace("-2", "low"),
            {},
            "a_rna: expected numbers.* other texts in 1 column.*first in line 4",
        ),
        (TABLE.replace("-2", '"2,5"'), {}, r"a_rna: .* decimal commas in 1 column\(s\), .* line 4. Export"),
        (TABLE.replace("s2,0.5", "s2,0.6"), {}, "line 3: case 007: expected the same values in all rows"),
        (TABLE.replace("s2,0.5", "s2,"), {}, "line 3: case 007: expected the same values"),
        (TABLE.replace("3e2", "inf"), {}, "line 4: b_rna: expected finite values"),
        (TABLE.replace("3e2", "3e999"), {}, "line 4: b_rna: expected finite values"),
        ("case_id,a_rna\n08,1\n70,1\n", {}, "rows of cases of three .* got 2 other"),
        (TABLE, {"modality": "clinical"}, "--modality clinical: expected one of omics"),
        (TABLE, {"day": 3}, "--day 3: expected a day up to the prediction day 0"),
    ],
)
def test_what_is_refused_leaves_nothing(
    take: Import, cache: FeatureCache, text: str, words: dict[str, object], message: str
) -> None:
    with pytest.raises(BraidError, match=message):
        take(text, **words)
    assert not list(cache.records())


def test_rows_of_other_cases_are_not_looked_at(take: Import) -> None:
    assert take(TABLE.replace("08,s4,9,9,9", "08,s4,low,inf,")).outcomes == {"committed": 2}


def test_the_card_must_list_the_modality(take: Import, cohort: Cohort, folder: Path) -> None:
    (folder / "cohort.yaml").write_text(CARD, encoding="utf-8")
    listed = cohort.card.model_copy(update={"modalities": ("slides",)})
    object.__setattr__(cohort, "card", listed)
    with pytest.raises(BraidError, match=r"modalities: expected omics among them; got slides. Add omics"):
        take()


def test_the_verb_takes_tables_and_features(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "genes.rna.csv"
    path.write_text(TABLE, encoding="utf-8")
    words = (path, folder, "--cache", tmp_path / "cache", "--columns", "*_rna")
    status, text = call("import", *words)
    assert (status, text[:29]) == (0, "2 made, 0 were there; genes-8")
    for order in (("import", "--modality", "omics", *words), ("import", *words, "--modality=omics")):
        status, text = call(*order)
        assert (status, text[:21]) == (0, "0 made, 2 were there;")
    assert call("import-table", *words)[0] == 0
    assert call("import", "trident", *words)[0] == 2
    with pytest.raises(BraidError, match=r"absent\.csv: .* No such file"):
        call("import", tmp_path / "absent.csv", *words[1:])
