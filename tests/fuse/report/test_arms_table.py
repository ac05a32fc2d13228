"""Which metric stands in which table, and what is said of one that nobody has."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from fuse.report.arms_table import build_arms_table
from fuse.report.metric_names import name_metric, sort_key
from fuse.report.page import render
from fuse.report.run_folder import read_run


@pytest.mark.parametrize(
    ("metric", "heading", "hint", "table"),
    [
        ("auc_1826.25", "AUC", "at 60 months", "main"),
        ("brier_90", "Brier", "at 90 days", "days"),
        ("observed_expected_30", "Observed / expected", "at 30 days", "days"),
        ("observed_expected", "Observed / expected", "1 is right", "secondary"),
        ("auroc", "AUROC", "within folds", "main"),
        ("auroc_macro", "Mean AUROC", "each class against the rest", "main"),
        ("auroc_of_high", "AUROC", "of high", "classes"),
        ("sensitivity_of_at_cut", "Sensitivity", "of at_cut", "classes"),
        ("sensitivity_at_cut", "Sensitivity", "at the train part’s cut", "secondary"),
        ("uno_c", "Uno’s C", "up to the horizon", "secondary"),
        ("new_thing", "new_thing", "", "secondary"),
    ],
)
def test_every_metric_has_its_words_and_its_table(metric: str, heading: str, hint: str, table: str) -> None:
    name = name_metric(metric)
    assert (name.heading, name.hint, name.table) == (heading, hint, table)


def test_days_are_in_their_order() -> None:
    metrics = ["brier_365", "brier_30", "auc_365", "auc_30", "c_index", "ipa_30"]
    assert sorted(metrics, key=sort_key) == [
        "c_index",
        "auc_30",
        "auc_365",
        "brier_30",
        "ipa_30",
        "brier_365",
    ]


def add_rows(run_folder: Path, metrics: dict[str, tuple[object, str]]) -> None:
    path = run_folder / "metrics.csv"
    with path.open(newline="", encoding="utf-8") as stream:
        arms = dict.fromkeys(row["arm"] for row in csv.DictReader(stream))
    with path.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        for arm in arms:
            for metric, (value, method) in metrics.items():
                limits = ("", "") if value == "" else (float(str(value)) - 0.1, float(str(value)) + 0.1)
                writer.writerow((arm, metric, value, *limits, method, 95, 27))


def test_one_day_stands_with_the_secondary_ones_and_several_in_a_table(run_folder: Path) -> None:
    add_rows(run_folder, {"brier_1826.25": (0.15, "b")})
    folder = read_run(run_folder)
    table = build_arms_table(folder.document, folder.metrics)
    assert "brier_1826.25" in [column.name.metric for column in table.of("secondary")]
    assert table.of("days") == ()
    assert "At each declared day" not in render(folder)
    add_rows(run_folder, {"brier_90": (0.11, "b"), "ipa_90": (0.21, "b")})
    folder = read_run(run_folder)
    table = build_arms_table(folder.document, folder.metrics)
    days = [column.name.metric for column in table.of("days")]
    assert days == ["brier_90", "ipa_90", "brier_1826.25"]
    page = render(folder)
    assert "At each declared day" in page and "<small>at 90 days</small>" in page


def test_what_no_arm_has_is_one_line_with_its_reason(run_folder: Path) -> None:
    add_rows(run_folder, {"ici": ("", "none: cannot be assessed under 200 events (27 here)")})
    folder = read_run(run_folder)
    table = build_arms_table(folder.document, folder.metrics)
    assert table.without == (("ICI", "cannot be assessed under 200 events (27 here)"),)
    assert "ici" not in [column.name.metric for column in table.columns]
    assert "Not in the tables: ICI cannot be assessed under 200 events (27 here)." in render(folder)
