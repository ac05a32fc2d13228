"""Where a run is written until it is whole: one process at a time, and nothing of it stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import yaml

from feature_cache.errors import OutcomeError
from feature_cache.stopping import Stopped
from fuse.benchmark import run_benchmark
from fuse.inspection.inspection import RunInputs
from fuse.protocol import read_protocol
from fuse.run.run_place import run_place
from tests.fuse.tiny_cohort import PROTOCOL, Tiny

#: Ten seconds are promised; a busy machine gets more, the folds would take longer.
PATIENCE_S = 40


def test_the_place_is_empty_and_gone_afterwards(tmp_path: Path) -> None:
    with run_place(tmp_path / "runs" / "run") as place:
        assert list(place.folder.iterdir()) == []
        (place.folder / "half").write_text("x")
    assert list((tmp_path / "runs").iterdir()) == []


def test_what_is_kept_outlives_a_stop_and_is_gone_with_the_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Stopped), run_place(tmp_path / "run") as place:
        place.kept.mkdir()
        (place.kept / "fold").write_text("x")
        raise Stopped(signal.SIGTERM)
    assert "the same command goes on from them" in caplog.text
    with run_place(tmp_path / "run") as place:
        assert (place.kept / "fold").read_text() == "x"
    assert list(tmp_path.iterdir()) == []


def test_a_stop_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Stopped), run_place(tmp_path / "run") as place:
        (place.folder / "half").write_text("x")
        raise Stopped(signal.SIGTERM)
    assert list(tmp_path.iterdir()) == []


def test_one_process_at_a_time_and_the_live_one_is_not_touched(tmp_path: Path) -> None:
    with run_place(tmp_path / "run") as place:
        (place.folder / "half").write_text("x")
        with pytest.raises(OutcomeError, match="one process at a time"), run_place(tmp_path / "run"):
            pass
        with run_place(tmp_path / "another"):
            assert (place.folder / "half").read_text() == "x"
        assert (place.folder / "half").read_text() == "x"


def test_what_a_dead_run_left_is_removed_by_the_next_of_its_name_alone(tmp_path: Path) -> None:
    for name in ("run", "other"):
        left = tmp_path / f".fuse-{name}" / "abc" / "scratch"
        left.mkdir(parents=True)
        (tmp_path / f".fuse-{name}" / "lock").touch()
    with run_place(tmp_path / "run") as place:
        assert [path.name for path in place.folder.parent.iterdir() if path != place.folder] == ["lock"]
    assert [path.name for path in tmp_path.iterdir()] == [".fuse-other"]
    assert (tmp_path / ".fuse-other" / "abc" / "scratch").is_dir()


def test_without_locks_nothing_of_another_run_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fuse.run.run_place._lock", lambda handle: False)
    left = tmp_path / ".fuse-run" / "abc"
    left.mkdir(parents=True)
    with run_place(tmp_path / "run"):
        assert left.is_dir()
    assert [path.name for path in (tmp_path / ".fuse-run").iterdir()] == ["abc"]


@contextmanager
def fitting(repository: Path, tiny: Tiny, out: Path, jobs: int) -> Iterator[subprocess.Popen[str]]:
    """Start a benchmark of many folds in a process group of its own and give it when it is at them."""
    protocol = out.parent / "long.yaml"
    protocol.write_text(yaml.safe_dump(PROTOCOL | {"repeats": 300}), encoding="utf-8")
    words = ["benchmark", str(tiny.cohort), "--cache", str(tiny.cache), "--protocol", str(protocol)]
    run = subprocess.Popen(
        [sys.executable, "-m", "fuse", *words, "--out", str(out), "--jobs", str(jobs)],
        cwd=repository,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        while run.poll() is None and not list(out.parent.glob(f".fuse-{out.name}/*/scratch-*/cases.json")):
            pass
        while jobs > 1 and run.poll() is None and not psutil.Process(run.pid).children():
            pass
        yield run
    finally:
        run.kill()
        run.communicate()


@pytest.mark.parametrize(
    ("number", "to_all", "jobs", "status"),
    [(signal.SIGTERM, False, 2, 143), (signal.SIGINT, True, 2, 130), (signal.SIGINT, False, 1, 130)],
)
def test_a_signal_ends_the_run_and_its_workers_and_leaves_fitted_folds_at_most(
    repository: Path, tiny: Tiny, tmp_path: Path, number: signal.Signals, to_all: bool, jobs: int, status: int
) -> None:
    with fitting(repository, tiny, tmp_path / "run", jobs) as run:
        children = psutil.Process(run.pid).children(recursive=True)
        (os.killpg if to_all else os.kill)(run.pid, number)
        _, complained = run.communicate(timeout=PATIENCE_S)
        assert run.returncode == status
    assert "Traceback" not in complained
    assert psutil.wait_procs(children, timeout=PATIENCE_S)[1] == []
    assert {path.name for path in tmp_path.iterdir()} <= {"long.yaml", ".fuse-run"}
    assert {path.name for path in tmp_path.glob(".fuse-run/*")} <= {"kept"}
    assert {path.suffix for path in tmp_path.glob(".fuse-run/kept/*/*")} <= {".npz", ".part"}


def test_what_a_killed_run_leaves_is_gone_after_the_next(
    repository: Path, tiny: Tiny, tmp_path: Path
) -> None:
    with fitting(repository, tiny, tmp_path / "run", 2) as run:
        children = psutil.Process(run.pid).children(recursive=True)
        run.kill()
        assert psutil.wait_procs(children, timeout=PATIENCE_S)[1] == []
    assert not (tmp_path / "run").exists()
    assert list(tmp_path.glob(".fuse-run/*/scratch-*"))
    protocol = read_protocol(str(tiny.protocol))
    inputs = RunInputs(cohort_folder=tiny.cohort, cache=tiny.cache, protocol=protocol)
    run_benchmark(inputs, tmp_path / "run", jobs=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["long.yaml", "run"]


@pytest.mark.parametrize("kind", ["under a file", "in place of a file", "a folder for a lock"])
def test_a_place_where_no_folder_can_be_made_is_told(tmp_path: Path, kind: str) -> None:
    out = tmp_path / "run"
    if kind == "under a file":
        out = tmp_path / "file" / "run"
        out.parent.write_text("")
    elif kind == "in place of a file":
        (tmp_path / ".fuse-run").write_text("")
    else:
        (tmp_path / ".fuse-run" / "lock").mkdir(parents=True)
    expected = r"--out .*expected a place where a folder can be made; got "
    with pytest.raises(OutcomeError, match=expected), run_place(out):
        pass
