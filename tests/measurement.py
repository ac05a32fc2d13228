"""Measured rows of `make speed`, `make trials` and `make published`: printed as a table, kept as JSON.

Enters: rows as they are measured. Leaves: results/<suite>.json with {name, value, unit, bar, met, input,
cores, commit}, and an exit status. A row that could not be measured has value and met None and says why.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
AREAS = ("cache/", "slides/", "volumes/", "notes/", "fuse/", "report/")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One row. `bar` is the issue's, in words; `met` is None where there is no bar or no value."""

    name: str
    value: float | None
    unit: str
    bar: str | None
    met: bool | None
    input: str

    def __post_init__(self) -> None:
        """Refuse a name without an area, and a verdict without a value."""
        if not self.name.startswith(AREAS):
            raise ValueError(f"{self.name}: expected a name beginning with one of {', '.join(AREAS)}")
        if self.value is None and self.met is not None:
            raise ValueError(f"{self.name}: a row without a value has met None")


def commit() -> str:
    """Return the commit that is measured, marked where the tree differs from it."""
    git = ("git", "-C", str(ROOT))
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout
    dirty = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=True).stdout
    return head.strip() + ("-dirty" if dirty.strip() else "")


def tabulate(rows: list[Measured]) -> int:
    """Print the table and return 1 if any bar was missed."""
    mark = {True: "met", False: "MISSED", None: ""}
    for row in rows:
        value = "not measured" if row.value is None else f"{row.value:.4g} {row.unit}"
        print(f"{row.name:<52}{value:<22}{row.bar or '':<28}{mark[row.met]:<8}{row.input}")
    return int(any(row.met is False for row in rows))


def run_and_tell(name: str, measure: Callable[[], list[Measured]], command: str) -> list[Measured]:
    """Measure to the end or not, and say the rows on stderr.

    What cannot be run to its end is a miss with a row of its own, named after `name`, which begins with its
    area, and with the command that runs it again; others can go on.
    """
    began = time.monotonic()
    try:
        rows = measure()
    except Exception as error:  # noqa: BLE001  told with its traceback and as a row that misses its bar
        traceback.print_exc()
        what = f"{command} ended with {type(error).__name__}"
        rows = [Measured(name=f"{name}_not_finished", value=1, unit="times", bar="0", met=False, input=what)]
    missed = sum(row.met is False for row in rows)
    bars = sum(row.met is not None for row in rows)
    sys.stderr.write(f"{name}: {missed} of {bars} bars missed, {time.monotonic() - began:.0f} s\n")
    with contextlib.redirect_stdout(sys.stderr):
        tabulate(rows)
    sys.stderr.flush()
    return rows


def publish(suite: str, rows: list[Measured]) -> int:
    """Print the table, write results/<suite>.json and return 1 if any bar was missed."""
    missed = tabulate(rows)
    where = {"cores": os.cpu_count(), "commit": commit()}
    out = ROOT / "results" / f"{suite}.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps([asdict(row) | where for row in rows], indent=2) + "\n", encoding="utf-8")
    print(f"written: {out.relative_to(ROOT)}")
    return missed
