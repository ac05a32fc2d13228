"""Sites and files in the protocol, from check to rerun."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from feature_cache.errors import OutcomeError
from fuse.__main__ import app
from fuse.files import read_csv
from fuse.inspection.inspection import Inspection, RunInputs, inspect_inputs
from fuse.protocol import read_protocol
from tests.fuse.tiny_cohort import PROTOCOL, Tiny

IDS = [f"{number:04d}" for number in range(60)]


def write_protocol(path: Path, **changes: object) -> Path:
    """Write the tiny protocol without its repeats and folds, with other fields."""
    fields = {name: value for name, value in PROTOCOL.items() if name not in ("repeats", "folds")}
    path.write_text(yaml.safe_dump(fields | {"fusion": []} | changes), encoding="utf-8")
    return path


def write_split(path: Path, test: list[str], also: list[str] | None = None) -> None:
    train = [case for case in IDS if case not in test] + (also or [])
    rows = [f"{row},{case},{test[row] if row < len(test) else ''}" for row, case in enumerate(train)]
    path.write_text("\n".join([",train,val", *rows]) + "\n")


def inspect(tiny: Tiny, protocol: Path) -> Inspection:
    inputs = RunInputs(cohort_folder=tiny.cohort, cache=tiny.cache, protocol=read_protocol(str(protocol)))
    return inspect_inputs(inputs)


def test_sites_are_shown_recorded_and_repeated(tiny: Tiny, tmp_path: Path) -> None:
    protocol = write_protocol(tmp_path / "p.yaml", split="sites")
    words = [str(tiny.cohort), "--cache", str(tiny.cache), "--protocol", str(protocol)]
    checked = CliRunner().invoke(app, ["check", *words])
    assert checked.exit_code == 0, checked.output
    assert "folds: 2 (sites)" in checked.stdout
    assert "fold 1 tests site A: 30 cases" in checked.stdout
    run = tmp_path / "run"
    done = CliRunner().invoke(app, ["benchmark", *words, "--out", str(run), "--jobs", "1"])
    assert done.exit_code == 0, done.output
    record = json.loads((run / "run.json").read_text())
    assert record["folds"]["split"] == record["folds"]["source"] == "sites"
    assert record["folds"]["remarks"][1].startswith("fold 2 tests site B: 29 cases")
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "one site left out at a time" in page
    assert "fold 1 tests site A: 30 cases" in page
    tested = {row["case_id"]: row["fold"] for row in read_csv(run / "folds.csv")[1] if row["part"] == "test"}
    assert {fold for case, fold in tested.items() if int(case) % 2 == 0} == {"1"}
    again = CliRunner().invoke(app, ["rerun", str(run), "--jobs", "1"])
    assert again.exit_code == 0, again.output


def test_one_fixed_split_goes_through_a_whole_run(tiny: Tiny, tmp_path: Path) -> None:
    """The file lies beside the protocol, not where the command is called."""
    folder = tmp_path / "protocols"
    folder.mkdir()
    write_split(folder / "split.csv", IDS[:20], also=["9999", "9998"])
    protocol = write_protocol(
        folder / "p.yaml", split="file", folds_file="split.csv", fusion=[{"model": "late"}]
    )
    words = [str(tiny.cohort), "--cache", str(tiny.cache), "--protocol", str(protocol)]
    checked = CliRunner().invoke(app, ["check", *words])
    assert "2 case(s) of split.csv are not in the cohort and are passed over" in checked.stdout
    run = tmp_path / "run"
    done = CliRunner().invoke(app, ["benchmark", *words, "--out", str(run), "--jobs", "1"])
    assert done.exit_code == 0, done.output
    record = json.loads((run / "run.json").read_text())
    assert (record["folds"]["repeats"], record["folds"]["folds"]) == (1, 1)
    assert "are not in the cohort" in record["folds"]["remarks"][0]
    tested = {row["case_id"] for row in read_csv(run / "folds.csv")[1] if row["part"] == "test"}
    assert tested == set(IDS[:20]) - {"0003"}
    # the copy of the protocol stands beside the folds that it asks for
    assert read_protocol(str(run / "protocol.yaml")).folds_file == str(run / "folds.csv")
    (folder / "split.csv").unlink()
    again = CliRunner().invoke(app, ["rerun", str(run), "--jobs", "1"])
    assert again.exit_code == 0, again.output
    assert inspect(tiny, run / "protocol.yaml").refuse_errors().sha256 == record["folds"]["sha256"]


def test_a_folder_of_split_files_is_a_cross_validation(tiny: Tiny, tmp_path: Path) -> None:
    (tmp_path / "splits").mkdir()
    for number in range(3):
        write_split(tmp_path / "splits" / f"splits_{number}.csv", IDS[number::3])
    protocol = write_protocol(tmp_path / "p.yaml", split="file", folds_file="splits")
    folds = inspect(tiny, protocol).refuse_errors()
    assert [(fold.repeat, fold.fold) for fold in folds.folds] == [(1, 0), (1, 1), (1, 2)]
    assert folds.case_ids[folds.folds[2].test[0]] == "0002"
    write_split(tmp_path / "splits" / "splits_2.csv", IDS[2:50:3])
    (tmp_path / "splits" / "splits_2.csv").write_text(
        (tmp_path / "splits" / "splits_2.csv").read_text().replace("0059", "")
    )
    with pytest.raises(OutcomeError, match="no row for 1 of them, the first is case 0059"):
        inspect(tiny, protocol).refuse_errors()


def test_the_cohort_s_own_file_is_not_asked_where_the_protocol_says_how(
    own_tiny: Tiny, tmp_path: Path
) -> None:
    (own_tiny.cohort / "folds.csv").write_text("repeat,fold,case_id,part\n1,1,stranger,test\n")
    assert inspect(own_tiny, write_protocol(tmp_path / "p.yaml", split="sites")).folds is not None
    with pytest.raises(OutcomeError, match="no row for 59"):
        inspect(own_tiny, own_tiny.protocol).refuse_errors()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "how many repeats and folds"),
        ({"split": "sites", "folds": 5}, "no effect beside split: sites"),
        ({"split": "file"}, "belong together"),
        ({"split": "sites", "folds_file": "a.csv"}, "belong together"),
        ({"split": "file", "folds_file": "nowhere.csv"}, "nowhere.csv"),
        ({"split": "sites", "choose": ["slydes"]}, "slydes is not a modality"),
    ],
)
def test_what_does_not_say_how_to_divide_is_refused(
    tiny: Tiny, tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(OutcomeError, match=said):
        inspect(tiny, write_protocol(tmp_path / "p.yaml", **changes)).refuse_errors()
