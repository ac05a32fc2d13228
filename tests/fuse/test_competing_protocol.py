"""The shipped protocol of competing causes, run whole on the tiny cohort."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from fuse.arm_plans import ArmPlan, split_runnable
from fuse.benchmark import run_benchmark
from fuse.files import read_csv
from fuse.inspection.inspection import RunInputs
from fuse.protocol import read_protocol
from fuse.run.predictions import read_predictions
from tests.fuse.tiny_cohort import Tiny
from tests.fuse.tiny_kinds import add_kinds


@pytest.fixture(scope="module")
def run(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("competing")
    cohort = folder / "tiny"
    shutil.copytree(tiny.cohort, cohort)
    add_kinds(Tiny(cohort=cohort, cache=tiny.cache, protocol=tiny.protocol))
    small = {"endpoint": "first", "repeats": 1, "folds": 2, "inner": 2}
    protocol = read_protocol("competing").model_copy(update=small)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        inputs = RunInputs(cohort_folder=cohort, cache=tiny.cache, protocol=protocol)
        run_benchmark(inputs, folder / "run", jobs=1)
    return folder / "run"


def test_every_arm_is_judged_with_an_interval(run: Path) -> None:
    rows = [row for row in read_csv(run / "metrics.csv")[1] if row["metric"] == "c_index"]
    models = {row["arm"].split("__")[0] for row in rows}
    assert models >= {"null", "ridge_cox", "cause_specific_cox", "fine_gray", "early_fine_gray", "late"}
    assert "early_cause_specific" in models
    assert all(row["low"] and row["high"] for row in rows if not row["arm"].startswith("null"))


def test_probabilities_fall_and_the_regressions_differ(run: Path) -> None:
    said = {}
    for model in ("ridge_cox", "cause_specific_cox", "fine_gray"):
        folds = read_predictions(run / "predictions" / f"{model}__clinical.csv")
        assert all((fold.event_free[:, 1:] <= fold.event_free[:, :-1]).all() for fold in folds)
        said[model] = [value for fold in folds for value in fold.event_free[:, -1].tolist()]
    assert len({tuple(values) for values in said.values()}) == 3


def test_what_was_chosen_is_told_for_each_cause(run: Path) -> None:
    chosen = [
        row["chosen"]
        for row in read_csv(run / "chosen.csv")[1]
        if row["arm"] == "cause_specific_cox__clinical"
    ]
    assert chosen and all("recurrence: " in text and "death: " in text for text in chosen)


def test_other_endpoints_do_not_get_these_arms(run: Path) -> None:
    plans = tuple(ArmPlan(model=model, modalities=("clinical",)) for model in ("fine_gray", "ridge_cox"))
    kept, reasons = split_runnable(plans, "survival")
    assert [plan.model for plan in kept] == ["ridge_cox"]
    assert reasons == {"fine_gray__clinical": "it learns competing endpoints, not survival"}
