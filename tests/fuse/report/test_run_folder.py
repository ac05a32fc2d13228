"""A RUN folder is read whole, or refused with the file, what was expected and what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fuse.report.run_folder import RunFolderError, read_run


def test_what_is_read_is_what_lies_there(built_run: Path) -> None:
    run = read_run(built_run)
    assert run.name == "chimera-quick"
    assert (run.fold_sizes.cases, run.fold_sizes.smallest_test, run.fold_sizes.largest_test) == (95, 19, 19)
    assert set(run.predicted.values()) == {95}
    assert len(run.predicted) == 10
    assert (run.changed, run.lost) == ((), ())
    assert next(row for row in run.metrics if row.arm == "null__none").low is None


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="nowhere: expected a RUN folder; got no such folder"):
        read_run(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("verdict.json", "{", "verdict.json: expected JSON; got a fault at line 1"),
        ("verdict.json", '{"top": "x", "questions": [{}]}', r"verdict.json: questions.0.id"),
        (
            "metrics.csv",
            "arm,metric\n",
            "metrics.csv: expected columns arm, metric, .*got no column estimate",
        ),
        (
            "weights.csv",
            "case_id,modality,contribution,share\na,b,high,1\n",
            "weights.csv line 2: contribution",
        ),
        (
            "folds.csv",
            "repeat,fold,case_id,part\n0,0,a,train\n",
            "folds.csv: expected rows of part test; got none",
        ),
    ],
)
def test_a_file_of_another_form_is_named(run_folder: Path, name: str, text: str, message: str) -> None:
    (run_folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(RunFolderError, match=message):
        read_run(run_folder)


def test_other_bytes_than_utf8(run_folder: Path) -> None:
    (run_folder / "metrics.csv").write_bytes(b"arm\xff\n")
    with pytest.raises(RunFolderError, match=r"metrics.csv: expected UTF-8"):
        read_run(run_folder)


@pytest.mark.parametrize("change", [{"time_days": [0.0]}, {"time_days": [5.0, 1.0]}])
def test_curves_that_do_not_run_in_parallel(run_folder: Path, change: dict[str, list[float]]) -> None:
    group = {"name": "a", "n": 2, "events": 1, "survival": [1, 0.5], "low": [1, 0.1], "high": [1, 0.9]}
    (run_folder / "curves.json").write_text(json.dumps({"groups": [group | change]}), encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"curves.json: groups.0: expected time_days rising"):
        read_run(run_folder)


def test_a_path_out_of_the_folder_is_refused(run_folder: Path) -> None:
    path = run_folder / "run.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["outputs"] = {"../elsewhere.csv": "0" * 64}
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(RunFolderError, match="outputs: expected paths inside the RUN folder"):
        read_run(run_folder)


def test_changed_and_lost_outputs_are_told_apart(run_folder: Path) -> None:
    (run_folder / "protocol.yaml").unlink()
    (run_folder / "metrics.csv").write_text(
        (run_folder / "metrics.csv").read_text(encoding="utf-8") + "\n", encoding="utf-8"
    )
    run = read_run(run_folder)
    assert (run.changed, run.lost) == (("metrics.csv",), ("protocol.yaml",))


def test_a_message_quotes_no_cell(run_folder: Path) -> None:
    text = "case_id,modality,contribution,share\nid-of-a-patient,b,a private remark,1\n"
    (run_folder / "weights.csv").write_text(text, encoding="utf-8")
    with pytest.raises(RunFolderError) as caught:
        read_run(run_folder)
    assert "private" not in str(caught.value)
    assert "patient" not in str(caught.value)
