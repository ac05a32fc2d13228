"""What a run leaves beside the entries: failures.csv, log.jsonl and report.json in `_runs/<id>/`.

Enters: receipts as they come. Leaves: three small files that hold ids and figures, never text of a record. No
cell of failures.csv runs in a spreadsheet. Clock and host stand here and nowhere else in a cache.
"""

from __future__ import annotations

import json
import platform
import secrets
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from extract.run import Receipt
from extract.steps import STEPS, Seconds, held_up
from feature_cache.csv_lines import csv_line, guarded
from feature_cache.errors import CacheError

_WHO = ("modality", "feature_set", "case_id", "item_id")
FAILURE_COLUMNS = (*_WHO, "where", "expected", "got", "remedy")


class Ledger:
    """The record of one run. Rows are flushed as they come, so that a killed run keeps what it knew."""

    def __init__(self, runs_folder: Path) -> None:
        now = datetime.now(UTC)
        self.folder = runs_folder / f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        self.started = now
        self.outcomes: Counter[str] = Counter()
        self.seconds: dict[str, Seconds] = defaultdict(lambda: dict.fromkeys(STEPS, 0.0))
        with _refused_by_disk():
            self.folder.mkdir(parents=True)
            self._log = (self.folder / "log.jsonl").open("w", encoding="utf-8")
            self._failures = (self.folder / "failures.csv").open("w", encoding="utf-8", newline="\n")
            self._write_failure(FAILURE_COLUMNS)

    def add(self, receipt: Receipt) -> None:
        """Write down one receipt."""
        key = receipt.key
        who = (key.modality, key.feature_set, key.case_id, key.item_id)
        self.outcomes[receipt.outcome] += 1
        steps = self.seconds[key.modality]
        for step, value in receipt.seconds.items():
            steps[step] += value
        _write_line(
            self._log,
            {
                "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                **dict(zip(_WHO, who, strict=True)),
                "outcome": receipt.outcome,
            },
        )
        if receipt.problem is not None:
            problem = receipt.problem
            self._write_failure((*who, problem.where, problem.expected, problem.got, problem.remedy))

    def close(self, left: int = 0) -> dict[str, object]:
        """Write report.json and return it: counts, seconds a step, what held up longest, how many left."""
        held = [held_up(steps) for steps in self.seconds.values()]
        totals = {step: round(sum(steps[step] for steps in held), 3) for step in STEPS}
        report: dict[str, object] = {
            "started": self.started.isoformat(timespec="seconds"),
            "wall_s": round((datetime.now(UTC) - self.started).total_seconds(), 3),
            "machine": platform.machine(),
            "python": platform.python_version(),
            "items": dict(self.outcomes),
            "left": left,
            "seconds": {
                modality: {step: round(value, 3) for step, value in steps.items()}
                for modality, steps in sorted(self.seconds.items())
            },
            "held_up_s": totals,
            "bottleneck": max(STEPS, key=lambda step: totals[step]) if any(totals.values()) else None,
        }
        with _refused_by_disk():
            self._log.close()
            self._failures.close()
            (self.folder / "report.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        return report

    def _write_failure(self, cells: tuple[str, ...]) -> None:
        with _refused_by_disk():
            self._failures.write(csv_line(map(guarded, cells)))
            self._failures.flush()


def _write_line(stream: TextIO, value: dict[str, str]) -> None:
    with _refused_by_disk():
        stream.write(json.dumps(value) + "\n")
        stream.flush()


@contextmanager
def _refused_by_disk() -> Iterator[None]:
    """Say what a disk that is full or failing means here, instead of a traceback."""
    try:
        yield
    except OSError as error:
        raise CacheError(
            "_runs: the record of this run",
            expected="a disk that takes it",
            got=error.strerror or type(error).__name__,
            remedy="Make room or mend the disk and run again: entries that were made are whole.",
        ) from error
