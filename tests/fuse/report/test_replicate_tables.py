from __future__ import annotations

import pytest

from fuse.report.page import render
from fuse.report.replicate_tables import RefitTestRow, build_tests
from fuse.report.run_folder import RunFolderError, read_run

LATE = "late__clinical+slides+notes"

HEAD = "test,arms,statistic,p,n,altered_mean,altered_high,method,null\n"
ROWS = (
    f"permutation,the highest of all arms,.71,.005,199,.55,.61,one-sided,nothing is there\n"
    f"conditional_permutation,{LATE} minus ridge_cox__clinical,.02,.25,199,-.001,.03,one-sided,<b>given</b>\n"
    "conditional_permutation,,,,0,,,none: no cheap fusion,given the clinical values\n"
)


def test_tests_stand_in_words_with_what_altered_cohorts_reach(run_folder) -> None:
    run = run_folder
    (run / "tests.csv").write_text(HEAD + ROWS, encoding="utf-8")
    folder = read_run(run)
    (_, (first,)), (_, (second, none)) = build_tests(folder.tests, folder.document)
    assert (first.statistic, first.p, first.cohorts) == (".710", ".005", "199")
    assert (first.mean, first.high) == (".550", ".610")
    assert second.statistic == "+.020"
    assert LATE not in second.arms
    assert " minus " in second.arms
    assert (none.arms, none.p, none.mean) == ("—", "—", "—")
    assert (first.least, none.least) == ("With 199 altered cohorts p cannot be below .005.", "")
    page = render(folder)
    assert "cannot be below .005." in page
    assert 'href="#tests"' in page
    assert "Does anything predict at all?" in page
    assert "&lt;b&gt;given&lt;/b&gt;" in page


def test_a_p_that_three_digits_do_not_show_is_not_zero(run_folder) -> None:
    row = "permutation,the highest of all arms,.71,.0001,9999,.55,.61,one-sided,nothing is there\n"
    (run_folder / "tests.csv").write_text(HEAD + row, encoding="utf-8")
    folder = read_run(run_folder)
    ((_, (line,)),) = build_tests(folder.tests, folder.document)
    assert line.p == "< .001"
    assert line.least == "With 9,999 altered cohorts p cannot be below .0001."


def test_a_run_that_asked_for_none_has_no_section(run_folder) -> None:
    assert '"tests"' not in (page := render(read_run(run_folder)))
    assert "#tests" not in page


def test_a_damaged_table_is_named(run_folder) -> None:
    run = run_folder
    (run / "tests.csv").write_text(HEAD.replace("p,", "") + ROWS, encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"tests\.csv: expected columns .*got no column p"):
        read_run(run)


def test_numbers_that_do_not_exist_are_none() -> None:
    row = RefitTestRow.model_validate(dict.fromkeys(RefitTestRow.model_fields, ""))
    assert row.p is None
    assert row.n is None
