"""Ctrl-C and SIGTERM to a real run: it ends at once, says by what, and the next run goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from feature_cache.store import FeatureCache

QUICK = 9
#: A note that takes minutes to encode, just below the largest that is read.
LONG_NOTE = "word " * 3_000_000
#: Ten seconds are promised; a busy machine gets more, the note would take longer.
PATIENCE_S = 40


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """A manifest of notes beside the files: quick ones first, the long one last."""
    folder = tmp_path / "raw"
    folder.mkdir()
    ids = [f"{number:02}" for number in range(QUICK + 1)]
    for name, text in {
        "cohort.yaml": "{schema_version: 1, name: n, title: t, citation: c, licence: l, sites: [s],"
        " modalities: [notes], index_event: surgery, prediction_day: 0}\n",
        "cases.csv": "case_id,site\n" + "".join(f"{i},s\n" for i in ids),
        "notes.csv": "case_id,note_id,path,column,day\n" + "".join(f"{i},n,{i}.txt,,0\n" for i in ids),
        "recipe.yaml": "{name: trial, notes: {encoder: hashed_ngrams}}\n",
        **{f"{i}.txt": "word " * 20 for i in ids[:-1]},
        f"{ids[-1]}.txt": LONG_NOTE,
    }.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@contextmanager
def at_the_long_note(repository: Path, raw: Path, workers: int) -> Iterator[subprocess.Popen[str]]:
    """Start `extract run` in a process group of its own and give it when only the long note is in hand."""
    words = [str(raw), "--root", str(raw), "--cache", f"{raw}-cache", "--recipe", str(raw / "recipe.yaml")]
    run = subprocess.Popen(
        [sys.executable, "-m", "extract", "run", *words, "--workers", str(workers)],
        cwd=repository,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert run.stderr is not None
    try:
        told = iter(run.stderr.readline, "")
        assert any(line == f"extracting: {QUICK} of {QUICK + 1}\n" for line in told)
        yield run
    finally:
        run.kill()
        run.communicate()


def send(run: subprocess.Popen[str], number: signal.Signals, to_all: bool) -> None:
    (os.killpg if to_all else os.kill)(run.pid, number)


@pytest.mark.parametrize(
    ("number", "to_all", "workers", "status"),
    [(signal.SIGINT, True, 2, 130), (signal.SIGTERM, False, 1, 143)],
)
def test_a_signal_ends_the_run_and_the_next_one_goes_on(
    repository: Path, raw: Path, number: signal.Signals, to_all: bool, workers: int, status: int
) -> None:
    with at_the_long_note(repository, raw, workers) as run:
        children = psutil.Process(run.pid).children(recursive=True)
        send(run, number, to_all)
        said, complained = run.communicate(timeout=PATIENCE_S)
        assert run.returncode == status
    assert said.startswith(f"{QUICK} made, 0 were there, 0 failed in ")
    assert said.endswith("stopped with 1 item(s) left: run it again to go on\n")
    assert complained == ""
    assert psutil.wait_procs(children, timeout=PATIENCE_S)[1] == []
    cache = FeatureCache.open(Path(f"{raw}-cache"))
    assert [check.ok for check in cache.verify()] == [True] * QUICK
    (report,) = cache.runs_folder.glob("*/report.json")
    ledger = json.loads(report.read_text(encoding="utf-8"))
    assert (ledger["items"], ledger["left"]) == ({"committed": QUICK}, 1)
    (raw / f"{QUICK:02}.txt").write_text("a short note", encoding="utf-8")
    words = [str(raw), "--root", str(raw), "--cache", f"{raw}-cache", "--recipe", str(raw / "recipe.yaml")]
    again = subprocess.run(
        [sys.executable, "-m", "extract", "run", *words], cwd=repository, capture_output=True, text=True
    )
    assert again.returncode == 0
    assert again.stdout.startswith(f"1 made, {QUICK} were there, 0 failed")
    assert len(list(cache.records())) == QUICK + 1


def test_workers_end_with_a_parent_that_was_killed(repository: Path, raw: Path) -> None:
    with at_the_long_note(repository, raw, 2) as run:
        children = psutil.Process(run.pid).children(recursive=True)
        assert len(children) >= 1
        run.kill()
        assert psutil.wait_procs(children, timeout=PATIENCE_S)[1] == []
