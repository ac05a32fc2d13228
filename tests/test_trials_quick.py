"""Every trial of `make trials` in its quick form: the harness works, and a common fault is caught at once.

The counts are small and the bars the same; no bar here is about seconds.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.trials.registry import TRIALS
from tests.trials.trial import Trial

QUICK = [trial for trial in TRIALS if trial.quick is not None]


@pytest.mark.parametrize("trial", QUICK, ids=[trial.name for trial in QUICK])
def test_the_trial_finds_nothing(trial: Trial, tmp_path: Path) -> None:
    assert trial.quick is not None
    rows = trial.run(tmp_path / "trial", trial.quick, seed=0)
    assert rows
    assert [f"{row.name} = {row.value}: {row.input}" for row in rows if row.met is False] == []
