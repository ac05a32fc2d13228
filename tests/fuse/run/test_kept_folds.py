"""A run that was stopped goes on from the folds that it had fitted, and nobody can tell from its files."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

import fuse.workers as workers_module
from feature_cache.canonical import sha256_of_file
from fuse.benchmark import run_benchmark
from fuse.features.plain_values import from_plain, to_plain
from fuse.fitting import ArmResult, Attention, FoldResult, FoldTask, fit_fold
from fuse.inspection.inspection import RunInputs
from fuse.protocol import read_protocol
from fuse.run.kept_folds import KeptFolds
from fuse.run.run_record import REPORT
from tests.fuse.tiny_cohort import Tiny


class Killed(BaseException):
    """The process is gone: nothing is put away in order."""


def inputs_of(tiny: Tiny) -> RunInputs:
    return RunInputs(cohort_folder=tiny.cohort, cache=tiny.cache, protocol=read_protocol(str(tiny.protocol)))


def fitting(monkeypatch: pytest.MonkeyPatch, until: int) -> list[int]:
    """Note the folds that are fitted, and die when `until` of them are."""
    fitted: list[int] = []

    def fit(task: FoldTask, cases: object) -> FoldResult:
        if len(fitted) == until:
            raise Killed
        fitted.append(task.fold.fold)
        return fit_fold(task, cases)

    monkeypatch.setattr(workers_module, "fit_fold", fit)
    return fitted


def bytes_of(run: Path) -> dict[str, str]:
    return {
        path.relative_to(run).as_posix(): sha256_of_file(path) for path in run.rglob("*") if path.is_file()
    }


def test_a_stopped_run_goes_on_and_is_bitwise_the_uninterrupted_one(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("whole", "stopped"):
        (tmp_path / folder).mkdir()
    run_benchmark(inputs_of(tiny), tmp_path / "whole" / "run", jobs=1)
    out = tmp_path / "stopped" / "run"
    assert fitting(monkeypatch, until=1) == []
    with pytest.raises(Killed):
        run_benchmark(inputs_of(tiny), out, jobs=1)
    (kept,) = (tmp_path / "stopped").glob(".fuse-run/kept/*/*")
    # what a killed process could not take away is not in the way either
    (kept.parent / ".1.part").write_bytes(b"half")
    (tmp_path / "stopped" / ".fuse-run" / "abc" / "scratch-").mkdir(parents=True)
    fitted = fitting(monkeypatch, until=9)
    run_benchmark(inputs_of(tiny), out, jobs=1)
    assert fitted == [2, 3]
    assert "fitting folds (1 were there)" in capsys.readouterr().err
    assert bytes_of(out).keys() == bytes_of(tmp_path / "whole" / "run").keys()
    differing = set(bytes_of(out).items()) ^ set(bytes_of(tmp_path / "whole" / "run").items())
    assert {name for name, _ in differing} <= {"run.json", REPORT}
    whole, own = (json.loads((path / "run.json").read_text()) for path in (tmp_path / "whole" / "run", out))
    assert {name for name in whole if whole[name] != own[name]} <= {"folder"}
    assert [path.name for path in out.parent.iterdir()] == ["run"]


@pytest.mark.parametrize("change", ["seed", "outcome", "damage", "emptied"])
def test_folds_of_another_run_are_not_taken(
    own_tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    out = tmp_path / "runs" / "run"
    fitting(monkeypatch, until=2)
    with pytest.raises(Killed):
        run_benchmark(inputs_of(own_tiny), out, jobs=1)
    kept = sorted(out.parent.glob(".fuse-run/kept/*/*"))
    assert [path.name for path in kept] == ["0.npz", "1.npz"]
    inputs = inputs_of(own_tiny)
    if change == "seed":
        inputs = replace(inputs, protocol=inputs.protocol.model_copy(update={"seed": 1}))
    elif change == "outcome":
        # a censored time, moved so little that the folds are the same: the outcomes themselves count
        path = own_tiny.cohort / "outcomes.csv"
        lines = path.read_text().splitlines()
        row = next(number for number, line in enumerate(lines) if ",0.0," in line)
        cells = lines[row].split(",")
        cells[3] = str(float(cells[3]) + 1e-6)
        path.write_text("\n".join([*lines[:row], ",".join(cells), *lines[row + 1 :]]) + "\n")
    else:
        kept[0].write_bytes(b"" if change == "emptied" else kept[0].read_bytes()[:-40])
    fitted = fitting(monkeypatch, until=9)
    run_benchmark(inputs, out, jobs=1)
    assert fitted == ([1, 3] if change in ("damage", "emptied") else [1, 2, 3])
    assert [path.name for path in out.parent.iterdir()] == ["run"]


def test_more_workers_go_on_as_well(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "run"
    fitting(monkeypatch, until=3)
    inputs = inputs_of(tiny)
    monkeypatch.setattr("fuse.run.run_files.evaluate_run", lambda *_: (_ for _ in ()).throw(Killed))
    with pytest.raises(Killed):
        run_benchmark(inputs, out, jobs=1)
    monkeypatch.undo()
    monkeypatch.setattr(workers_module, "ProcessPoolExecutor", None)  # all are there: no process is started
    run_benchmark(inputs, out, jobs=2)
    assert (out / REPORT).is_file()


def test_a_result_comes_back_with_the_same_bits(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    result = FoldResult(
        repeat=2,
        fold=1,
        arms={
            "a__b": ArmResult(
                risk=rng.normal(size=3),
                probability=np.asfortranarray(rng.random((3, 2))),
                train_median=float("nan"),
                chosen="alpha=16",
                inner_pairs=np.array([[[1.5, 2.0]], [[0.0, 0.0]]]),
            )
        },
        weights={"b": np.float64(0.1)},
        contributions={"b": np.array([0.0, -0.0, 1e-320])},
        attention=Attention(arm="a__b", case_id="=1", weights=np.ones(2, np.float32)),
    )
    kept = KeptFolds(tmp_path / "kept", "identity")
    assert kept.read(4) is None
    kept.keep(4, result)
    again = KeptFolds(tmp_path / "kept", "identity").read(4)
    assert again is not None
    assert repr(again) == repr(result)
    assert again.contributions["b"].tobytes() == result.contributions["b"].tobytes()
    assert again.arms["a__b"].probability.flags.f_contiguous
    assert isinstance(again.attention, Attention)
    assert KeptFolds(tmp_path / "kept", "another").read(4) is None
    assert not (tmp_path / "kept" / "identity").exists()


def test_nothing_but_plain_values_is_written_and_nothing_unnamed_is_built() -> None:
    with pytest.raises(TypeError, match="no plain form of a set"):
        to_plain({1, 2}, {})
    with pytest.raises(TypeError, match="array of objects"):
        to_plain(np.array([object()]), {})

    @dataclass(frozen=True)
    class Stranger:
        number: int

    with pytest.raises(KeyError):
        from_plain(to_plain(Stranger(1), {}), {}, {})
