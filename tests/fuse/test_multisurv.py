"""MultiSurv as a cohort, on a made-up table: what is a feature, what is not, and who is in which group."""

import csv
import gzip

import numpy as np
import pytest

from feature_cache.cohort import inspect_cohort
from fuse.folds.fold_file import read_folds
from fuse.folds.folds import FoldPlan, Strata
from fuse.outcomes.endpoint import inspect_outcomes
from fuse.outcomes.outcomes import Survival
from tests.published.multisurv import stratified_c
from tests.published.multisurv_cohort import (
    AT_DIAGNOSIS,
    OUTCOMES_IN_DISGUISE,
    TREATMENTS,
    read_patients,
    write_cohort,
    write_split,
)

GROUPS = ("train", "val", "test")


@pytest.fixture
def patients(tmp_path):
    """Thirty rows with the published columns; every third stage is missing, the first time is 0."""
    columns = ("submitter_id", *AT_DIAGNOSIS, *TREATMENTS, *OUTCOMES_IN_DISGUISE, "group")
    rows = []
    for number in range(30):
        died = number % 2
        rows.append(
            {
                "submitter_id": f"TCGA-{number:02d}",
                "age_at_diagnosis": str(20000.0 + number),
                "tumor_stage": ("", "stage i", "i/ii nos")[number % 3],
                "gender": ("male", "female")[number % 2],
                "race": "" if number == 4 else "white",
                "project_id": ("BRCA", "GBM")[number % 2],
                "prior_treatment": "No",
                "prior_malignancy": ("no", "")[number % 2],
                "synchronous_malignancy": "Yes",
                **dict.fromkeys(TREATMENTS, ("yes", "no", "")[number % 3]),
                "vital_status": ("Alive", "Dead")[died],
                "days_to_death": str(number) if died else "",
                "days_to_last_follow_up": "" if died else str(number),
                "time": repr(number / 365),
                "event": str(died),
                "group": GROUPS[number // 10],
            }
        )
    with gzip.open(tmp_path / "clinical_data.tsv.gz", "wt", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, delimiter="\t")
        writer.writeheader()
        writer.writerows(rows)
    return read_patients(tmp_path / "clinical_data.tsv.gz")


@pytest.mark.parametrize(("variant", "treatments"), [("with", TREATMENTS), ("without", ())])
def test_no_outcome_is_a_feature_and_treatments_are_where_they_are_asked_for(
    patients, tmp_path, variant, treatments
):
    write_cohort(f"multisurv_{variant}", patients, tmp_path / "cohort", GROUPS)

    cohort, problems = inspect_cohort(tmp_path / "cohort")

    assert not problems
    written = {column for row in cohort.clinical.values() for column in row}
    assert written == set(cohort.card.variables) == {*AT_DIAGNOSIS, *treatments}
    assert not written & set(OUTCOMES_IN_DISGUISE)
    assert set(OUTCOMES_IN_DISGUISE) <= set(cohort.card.excluded)
    assert (set(TREATMENTS) <= set(cohort.card.excluded)) == (variant == "without")


def test_a_missing_cell_stays_missing_and_every_text_is_a_level(patients, tmp_path):
    write_cohort("multisurv_with", patients, tmp_path / "cohort", GROUPS)

    cohort, _ = inspect_cohort(tmp_path / "cohort")

    assert cohort.card.variables["tumor_stage"].levels == ("i/ii nos", "stage i")
    assert [cohort.clinical[f"TCGA-{number:02d}"]["tumor_stage"] for number in (0, 1)] == ["", "stage i"]
    assert cohort.clinical["TCGA-04"]["race"] == ""
    assert cohort.card.variables["prior_malignancy"].kind == "binary"


def test_what_is_chosen_cannot_see_an_outcome_of_the_test_group(patients, tmp_path):
    write_cohort("multisurv_with", patients, tmp_path / "cohort", ("train", "val"))
    write_split(tmp_path / "choice.csv", patients, ("train",), "val")

    cohort, _ = inspect_cohort(tmp_path / "cohort")
    door, problems = inspect_outcomes(cohort, "death")
    outcome = door.strata()
    strata = Strata(outcome=outcome, sites=[None] * len(door.case_ids))
    folds = read_folds(tmp_path / "choice.csv", door.case_ids, strata, FoldPlan(inner=2, seed=0))

    assert not problems
    assert door.without == tuple(row["submitter_id"] for row in patients if row["group"] == "test")
    assert [(len(fold.train), len(fold.test)) for fold in folds.folds] == [(10, 10)]
    assert outcome.time_days.tolist() == [0.5, *range(1, 20)]
    assert outcome.event.tolist() == [False, True] * 10


def test_pairs_of_two_cancers_do_not_count():
    rng = np.random.default_rng(0)
    time = np.concatenate([rng.uniform(1, 10, 40), rng.uniform(100, 110, 40)])
    outcome = Survival(event=np.ones(80, dtype=np.bool_), time_days=time)
    cancer = np.repeat(["A", "B"], 40)
    only_cancer = np.repeat([1.0, 0.0], 40)

    said = stratified_c(only_cancer, outcome, cancer)

    assert said.value == 0.5
    assert stratified_c(only_cancer, outcome, np.repeat("A", 80)).value > 0.7
    assert stratified_c(-time % 100, outcome, cancer).value == 1.0
