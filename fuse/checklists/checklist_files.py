"""tripod.csv and probast.csv: the two checklists as far as a run can fill them.

Enters: a run after its evaluation. Leaves: one row an item: its number as published, what it asks, who fills
it, what the run says, and what is left to the authors (or to the assessor).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import astuple, fields
from pathlib import Path

from fuse.checklists.facts_of_analysis import facts_of_analysis
from fuse.checklists.facts_of_data import facts_of_data
from fuse.checklists.item import FilledItem, fill
from fuse.checklists.probast_items import PROBAST_ITEMS
from fuse.checklists.run_known import RunKnown
from fuse.checklists.tripod_items import TRIPOD_ITEMS
from fuse.files import read_csv, write_csv

COLUMNS = tuple(field.name for field in fields(FilledItem))
UTILITY = (
    "Clinical use: net benefit beside treating all and nobody (decision_curves.csv), and at the risks that "
    "the card declares (added_value.csv)."
)
TRIPOD_FILE, PROBAST_FILE = "tripod.csv", "probast.csv"


def write_checklists(folder: Path, known: RunKnown) -> None:
    """Write both files into a folder that has its verdict.json."""
    verdict = json.loads((folder / "verdict.json").read_text(encoding="utf-8"))
    said = {
        "verdict": verdict["top"],
        "limits": " ".join(verdict["notes"]),
        "utility": UTILITY if read_csv(folder / "decision_curves.csv")[1] else "",
    }
    facts = {**facts_of_data(known), **facts_of_analysis(known), **said}
    for name, items in ((TRIPOD_FILE, TRIPOD_ITEMS), (PROBAST_FILE, PROBAST_ITEMS)):
        _write(folder / name, (fill(item, facts, known.study) for item in items))


def _write(path: Path, rows: Iterable[FilledItem]) -> None:
    write_csv(path, COLUMNS, [astuple(row) for row in rows])
