"""Every trial of `make trials` in its quick form: the harness works, and a common fault is caught at once.

The counts are small and the bars the same; no bar here is about seconds. That a trial can fail is shown where
what it tries can be broken from within: one defect each, and the row that has to tell of it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from feature_cache import commit, entry_files, store
from feature_cache.array_format import FormatName
from feature_cache.entry import EntryDraft
from feature_cache.errors import CacheError
from feature_cache.folders import entry_folders
from feature_cache.verification import EntryCheck
from fuse.outcomes import outcome_kinds
from tests.measurement import Measured
from tests.trials.__main__ import run_trial
from tests.trials.code_gate import findings
from tests.trials.registry import TRIALS
from tests.trials.trial import Counts, Tally, Trial

QUICK = [trial for trial in TRIALS if trial.quick is not None]


@pytest.mark.parametrize("trial", QUICK, ids=[trial.name for trial in QUICK])
def test_the_trial_finds_nothing(trial: Trial, tmp_path: Path) -> None:
    assert trial.quick is not None
    rows = trial.run(tmp_path / "trial", trial.quick, seed=0)
    assert rows
    assert [f"{row.name} = {row.value}: {row.input}" for row in rows if row.met is False] == []


def _silent_commit(root: Path, draft: EntryDraft, form: FormatName) -> commit.CommitResult:
    try:
        return commit.commit_entry(root, draft, form)
    except CacheError:
        return "committed"


def _all_well(root: Path, *, quarantine: bool) -> Iterator[EntryCheck]:
    del quarantine
    return (EntryCheck(name=folder.relative_to(root).as_posix()) for folder in entry_folders(root))


DEFECTS = {
    "a full disk is kept quiet": ("R6", Counts(2, 0), store, "commit_entry", _silent_commit),
    "boxes stay in _tmp": ("R7", Counts(4), commit, "shutil", SimpleNamespace(rmtree=lambda *_, **__: None)),
    "verify reads nothing": ("R8", Counts(5), store, "verify_entries", _all_well),
    "sizes are not compared": ("R9", Counts(13), entry_files, "check_sizes", lambda *_: None),
    "forget forgets nothing": ("R13", Counts(5, 50), store, "forget_case", lambda *_: 99),
    "a time may be anything": ("B4", Counts(9), outcome_kinds, "time_fault", lambda *_, **__: None),
}
TOLD = {
    "R6": "cache/full_disk_lost_without_an_error",
    "R7": "cache/failing_disk_halves_left_behind",
    "R8": "cache/bit_flip_missed_by_verify",
    "R9": "cache/broken_entry_missed_by_verify",
    "R13": "cache/stateful_steps_unlike_the_model",
    "B4": "fuse/label_error_not_refused",
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_the_trial_notices(defect: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, counts, module, what, broken = DEFECTS[defect]
    monkeypatch.setattr(module, what, broken)
    (trial,) = (trial for trial in TRIALS if trial.name == name)
    rows = trial.run(tmp_path / "trial", counts, seed=0)
    assert TOLD[name] in [row.name for row in rows if row.met is False]


@pytest.mark.parametrize(
    "lines",
    [
        "import yaml as y\ny.load(text)",
        "from yaml import load\nload(text)",
        "from os import system as say\nsay(text)",
        "import builtins\nbuiltins.eval(text)",
        "from torch import load\nload(path, weights_only=True)",
        "from yaml import Loader\nclass Mine(Loader): pass",
        "subprocess.run(command, shell=1)",
        "np.load(path, allow_pickle=trusted)",
    ],
)
def test_the_gate_sees_behind_other_names(lines: str) -> None:
    assert list(findings(ast.parse(lines), "extract/slides/reader.py")) != []


def test_rows_are_told_as_soon_as_a_trial_ends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def one_miss(work: Path, counts: Counts, seed: int) -> list[Measured]:
        tally = Tally("cache/made_up_", f"{counts.runs} of nothing; seed {seed}")
        tally.count("misses", False)
        tally.count("misses", True, "the second")
        return tally.rows()

    trial = Trial(name="X1", function=one_miss, full=Counts(2), quick=None)
    (row,) = run_trial(trial, tmp_path / "X1", quick=False, seed=7)
    assert (row.value, row.met, row.input) == (1, False, "2 of nothing; seed 7")
    told = capsys.readouterr()
    assert told.out == ""
    assert "MISSED cache/made_up_misses: the second" in told.err
    assert "cache/X1: 1 of 1 bars missed" in told.err
    assert "2 of nothing; seed 7" in told.err.splitlines()[-1]
    assert run_trial(trial, tmp_path / "quick", quick=True, seed=7) == []


def test_a_trial_that_breaks_down_is_a_miss(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(work: Path, counts: Counts, seed: int) -> list[Measured]:
        raise KeyError("a slip of the trial itself")

    trial = Trial(name="X2", function=broken, full=Counts(1), quick=Counts(1))
    (row,) = run_trial(trial, tmp_path / "X2", quick=True, seed=3)
    assert (row.name, row.met) == ("cache/X2_not_finished", False)
    assert row.input == "python -m tests.trials --only X2 --seed 3 --quick ended with KeyError"
    assert "a slip of the trial itself" in capsys.readouterr().err
