"""A run made again: bitwise the same, or what differs is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

import fuse.run.rerun as rerun_module
from feature_cache.errors import BraidError, CacheError, DamagedEntryError, OutcomeError
from fuse.__main__ import app
from fuse.benchmark import run_benchmark
from fuse.inspection.inspection import RunInputs
from fuse.protocol import read_protocol
from fuse.run.rerun import rerun
from fuse.run.run_record import hash_outputs
from tests.fuse.tiny_cohort import Tiny, flip_one_bit


@pytest.fixture(scope="module")
def original(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    protocol = read_protocol(str(tiny.protocol))
    run_benchmark(RunInputs(cohort_folder=tiny.cohort, cache=tiny.cache, protocol=protocol), out, jobs=1)
    return out


@pytest.fixture
def run(original: Path, tmp_path: Path) -> Path:
    shutil.copytree(original, tmp_path / "run")
    return tmp_path / "run"


def test_bitwise_the_same_and_nothing_changed(tiny: Tiny, run: Path) -> None:
    before = hash_outputs(run)
    record = json.loads((run / "run.json").read_text())
    record["versions"]["numpy"] = "0.0.1"
    (run / "run.json").write_text(json.dumps(record))
    words = ["rerun", str(run), "--cache", str(tiny.cache), "--cohort", str(tiny.cohort), "--jobs", "1"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert f"bitwise the same: {len(before)} files" in done.stdout
    assert "made with numpy 0.0.1 (now " in done.stdout
    assert hash_outputs(run) == before


def test_paths_of_the_record_are_used_where_none_are_given(
    tiny: Tiny, original: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(inputs: RunInputs, folder: Path, jobs: int, kept: Path) -> None:
        assert (inputs.cohort_folder, inputs.cache) == (tiny.cohort, tiny.cache)
        raise OutcomeError("far enough", expected="", got="", remedy="")

    monkeypatch.setattr(rerun_module, "compute_run", stop)
    with pytest.raises(OutcomeError, match="far enough"):
        rerun(original, None, None, 1)


def test_a_flipped_bit_is_refused_and_named(own_tiny: Tiny, run: Path) -> None:
    flip_one_bit(own_tiny.cache, "slides", "0007")
    with pytest.raises(DamagedEntryError, match="0007"):
        rerun(run, own_tiny.cache, own_tiny.cohort, 1)


def test_another_entry_is_refused_and_named(own_tiny: Tiny, run: Path) -> None:
    (folder,) = (own_tiny.cache / "tiny" / "notes").glob("*/0007")
    shutil.rmtree(folder)
    with pytest.raises(CacheError, match=r"0007.*got no such entry"):
        rerun(run, own_tiny.cache, own_tiny.cohort, 1)


def test_an_outcome_that_changed_shows(own_tiny: Tiny, run: Path) -> None:
    path = own_tiny.cohort / "outcomes.csv"
    head, first, *rest = path.read_text().splitlines()
    fields = first.split(",")
    fields[3] = str(float(fields[3]) * 3)
    path.write_text("\n".join([head, ",".join(fields), *rest]) + "\n")
    words = [
        "rerun",
        str(run),
        "--cache",
        str(own_tiny.cache),
        "--cohort",
        str(own_tiny.cohort),
        "--jobs",
        "1",
    ]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    assert "DIFFERS added_value.csv" in done.stdout


def test_a_run_that_was_altered_is_refused(tiny: Tiny, run: Path) -> None:
    path = run / "predictions" / "null__none.csv"
    path.write_text(path.read_text().replace("0.0", "0.1", 1))
    with pytest.raises(OutcomeError, match=r"null__none\.csv: expected the file as the run wrote it"):
        rerun(run, tiny.cache, tiny.cohort, 1)


def test_a_folder_without_a_record(tmp_path: Path) -> None:
    with pytest.raises(BraidError, match=r"run\.json: expected the record of a run"):
        rerun(tmp_path, None, None, 1)


@pytest.mark.parametrize("text", ["{}", "[1, 2]", "{", '{"outputs": {}}'])
def test_a_record_of_something_else(run: Path, text: str) -> None:
    (run / "run.json").write_text(text)
    with pytest.raises(OutcomeError, match=r"run\.json: expected the record of a run; got another document"):
        rerun(run, None, None, 1)


def test_a_record_that_seals_nothing(run: Path) -> None:
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**record, "outputs": {}}))
    with pytest.raises(OutcomeError, match="got another document"):
        rerun(run, None, None, 1)


def test_the_page_is_written_again(run: Path) -> None:
    (run / "report.html").unlink()
    done = CliRunner().invoke(app, ["report", str(run)])
    assert done.exit_code == 0, done.output
    assert (run / "report.html").is_file()
