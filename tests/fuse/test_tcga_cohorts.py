"""A table in PORPOISE's layout becomes a cohort; the plain stack learns from its train part alone."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from feature_cache.cohort import read_cohort
from fuse.outcomes.outcomes import Survival
from tests.published.plain_stack import PlainTables, plain_stack_risk
from tests.published.tcga import mean_and_error, rows_of, t_quantile
from tests.published.tcga_cohorts import cancers_of, globs_in, read_rows, write_manifest

COLUMNS = [
    "case_id",
    "slide_id",
    "age",
    "site",
    "survival_months",
    "censorship",
    "is_female",
    "oncotree_code",
]


def write_table(path: Path) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["", *COLUMNS, "BCR_rnaseq", "TP53_mut"])
    for row, (case, slide) in enumerate((("A-1", "s1"), ("A-1", "s2"), ("B-2", "s3"))):
        writer.writerow(
            [row, case, slide, "61.0", "S", "12.5", "0.0", "1.0", "IDC" if row else "", "0.1", "1"]
        )
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(path.stem, text.getvalue())


def test_a_table_becomes_a_cohort(tmp_path: Path) -> None:
    table = tmp_path / "datasets_csv_mutsig/tcga_made_all_clean.csv.zip"
    write_table(table)
    assert cancers_of(tmp_path) == ["made"]
    rows = read_rows(table)
    assert [row["case_id"] for row in rows] == ["A-1", "B-2"]  # one row a case, not a slide
    assert globs_in(rows[0]) == ["*_rnaseq", "*_mut", "BCR_rnaseq"]
    write_manifest("made", rows, tmp_path / "m")
    cohort = read_cohort(tmp_path / "m")
    assert cohort.card.variables["oncotree_code"].levels == ("IDC",)
    with (tmp_path / "m/outcomes.csv").open(newline="") as stream:
        first = next(csv.DictReader(stream))
    assert (first["event"], first["time"]) == ("1", "12.5")  # censorship 0 is an event


@pytest.fixture
def tables() -> PlainTables:
    rng = np.random.default_rng(3)
    clinical, omics = rng.normal(size=(80, 3)), rng.normal(size=(80, 20))
    time = rng.exponential(np.exp(-1.5 * clinical[:, 0])) + 1e-3
    return PlainTables(
        clinical=clinical, omics=omics, outcome=Survival(event=rng.random(80) < 0.6, time_days=time)
    )


def test_the_plain_stack_ranks_and_reads_no_outcome_of_the_test_part(tables: PlainTables) -> None:
    train, test = np.arange(60), np.arange(60, 80)
    risk = plain_stack_risk(tables, train, test)
    assert np.corrcoef(risk, tables.clinical[test, 0])[0, 1] > 0.5
    event = tables.outcome.event.copy()
    event[test] = ~event[test]
    other = replace(tables, outcome=replace(tables.outcome, event=event))
    assert np.array_equal(plain_stack_risk(other, train, test), risk)
    alone = plain_stack_risk(tables, train, test[:1])
    assert alone[0] == pytest.approx(risk[0])


def test_the_bound_against_the_plain_stack_is_that_of_its_own_folds() -> None:
    stack, plain = [0.70, 0.72, 0.74, 0.76, 0.78], [0.69, 0.72, 0.72, 0.75, 0.76]
    folds = {name: {"stack": stack, "plain stack": plain} for name in ("one", "other")}
    gain = np.subtract(stack, plain)
    # of one cancer: the variance of a fold times 1/5 + 1/4; of the mean of two: half of that
    error = np.sqrt(gain.var(ddof=1) * (1 / 5 + 1 / 4) / 2)
    assert mean_and_error([gain.tolist()] * 2) == pytest.approx((gain.mean(), error))
    assert t_quantile([gain.tolist()] * 2) == pytest.approx(2.306, abs=1e-3)  # 8 degrees of freedom
    *arms, bound = rows_of(folds, list(folds), "2 cancers")
    assert [row.value for row in arms] == pytest.approx([0.74, 0.728])
    assert bound.value == pytest.approx(gain.mean() - 2.306 * error, abs=1e-5) and bound.met
