"""The page shows every method beside the primary one, for what was named before."""

from __future__ import annotations

import pytest

from fuse.report.interval_tables import build_intervals
from fuse.report.page import render
from fuse.report.run_folder import RunFolderError, read_run

LATE, CLINICAL = "late__clinical+slides+notes", "ridge_cox__clinical"
HEAD = "first,second,metric,name,estimate,low,high,method,primary,family\n"
ROWS = (
    f"{LATE},,c_index,nested_cv,.71,.6,.8,nested CV,true,1\n"
    f"{LATE},,c_index,case_jackknife,.71,.63,.77,jackknife <b>,false,1\n"
    "null__none,,c_index,nested_cv,.5,,,none: same order in every fold,true,1\n"
    f"{LATE},{CLINICAL},c_index,nested_cv,.02,-.01,.05,nested CV,true,1\n"
    f"{LATE},{CLINICAL},c_index,nested_cv,.02,-.02,.06,nested CV; Bonferroni,true,3\n"
)


def test_named_comparisons_and_their_arms_have_a_table(run_folder) -> None:
    (run_folder / "intervals.csv").write_text(HEAD + ROWS, encoding="utf-8")
    folder = read_run(run_folder)
    assert (LATE, CLINICAL) in {(row.first, row.second) for row in folder.comparisons if row.named_before}
    alone, difference = build_intervals(folder.intervals, folder.comparisons, folder.document)
    assert [(line.interval, line.primary) for line in alone.lines] == [
        (".600 to .800", True),
        (".630 to .770", False),
    ]
    assert (alone.estimate, difference.estimate) == (".710", "+.020")
    assert [line.interval for line in difference.lines] == ["−.010 to .050"]  # the one that stands alone
    assert " minus " in difference.what and LATE not in difference.what
    page = render(folder)
    assert 'id="intervals"' in page and "Nested CV (primary)" in page and "Jackknife &lt;b&gt;" in page


def test_a_run_without_the_table_has_no_section(run_folder) -> None:
    assert 'id="intervals"' not in render(read_run(run_folder))


def test_a_damaged_table_is_named(run_folder) -> None:
    (run_folder / "intervals.csv").write_text(HEAD.replace("low,", "") + ROWS, encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"intervals\.csv: expected columns .*got no column low"):
        read_run(run_folder)
