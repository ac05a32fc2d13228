"""The protocol under kills and races; what one process can show is in test_store.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from feature_cache.array_format import FormatName


def _run(repository: Path, *arguments: object) -> dict[str, object]:
    script = Path(__file__).with_name("killed_writers.py")
    done = subprocess.run(
        [sys.executable, str(script), *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=repository,
        env={**os.environ, "PYTHONPATH": str(repository), "OMP_NUM_THREADS": "1"},
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_a_killed_writer_leaves_entries_complete_or_absent(
    repository: Path, tmp_path: Path, form: FormatName
) -> None:
    outcome = _run(repository, "kill", tmp_path / "kills", form, 14, 7)
    assert outcome.pop("killed") >= 10 and outcome.pop("steps") > 50
    assert outcome == {"damaged": 0, "different": 0, "unfinished": 0, "left over": 0}


def test_of_writers_that_race_one_wins(repository: Path, tmp_path: Path, form: FormatName) -> None:
    outcome = _run(repository, "race", tmp_path / "race", form, 3)
    for results in outcome["first"]:
        assert sorted(results) == ["already_there", "already_there", "committed"]
    for results in outcome["second"]:
        # Who comes between the two moves of another finds an empty place.
        assert (
            set(results) <= {"already_there", "replaced", "committed"} and results.count("already_there") < 3
        )
    assert outcome["first verified"] is outcome["second verified"] is outcome["same bytes"] is True
    assert outcome["boxes"]["_tmp"] == outcome["boxes"]["_quarantine"] == 0
