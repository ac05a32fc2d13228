"""A planted cohort in a real cache: it is read as the arrays that were drawn, and a benchmark runs on it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fuse.benchmark import run_benchmark
from fuse.features.table import read_cases
from fuse.inspection.inspection import RunInputs, inspect_inputs
from fuse.protocol import read_protocol
from tests.planted.situations import RARE, SITUATIONS
from tests.planted.study import CHEAP
from tests.planted.written import Written, write_planted

COUNT, SEED = 40, 11


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Some lack omics, and few tiles inform."""
    situation = replace(SITUATIONS["rare_tiles"], lacking="by_hazard", tiles=RARE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        return write_planted(tmp_path_factory.mktemp("planted"), situation, COUNT, SEED)


def inputs(written: Written) -> RunInputs:
    return RunInputs(cohort_folder=written.cohort, cache=written.cache, protocol=read_protocol(CHEAP))


def test_the_cache_is_read_as_what_was_drawn(written, tmp_path):
    found = inspect_inputs(inputs(written))
    folds = found.refuse_errors()
    drawn = written.planted
    read = read_cases(found.cache, found.chosen, folds.case_ids, tmp_path)
    assert read.case_ids == drawn.cases.case_ids
    assert set(read.modalities) == set(drawn.cases.modalities)
    for name, modality in drawn.cases.modalities.items():
        again = read.modalities[name]
        assert again.values.dtype == modality.values.dtype
        assert np.array_equal(again.values, modality.values, equal_nan=True), name
        assert np.array_equal(again.present, modality.present)
        assert (again.columns, again.scale_columns) == (modality.columns, modality.scale_columns)
    bags, again = drawn.cases.modalities["slides"].bags, read.modalities["slides"].bags
    assert np.array_equal(again.start, bags.start) and np.array_equal(again.stop, bags.stop)
    assert again.tiles[: bags.stop[-1]].tobytes() == bags.tiles.tobytes()
    outcome = found.door.training(folds.case_ids)
    assert np.array_equal(outcome.event, drawn.outcome.event)
    assert np.array_equal(outcome.time_days, drawn.outcome.time_days)


def test_a_benchmark_runs_on_it(written, tmp_path):
    out: Path = tmp_path / "run"
    arms = run_benchmark(inputs(written), out, jobs=1)
    assert {arm.status for arm in arms} == {"done"}
    assert (out / "report.html").is_file()
