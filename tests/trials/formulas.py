"""S5: ids and names that a spreadsheet would run as formulas: escaped in every table that Braid exports.

Enters: a work folder, how many, a seed. Leaves: measured rows. The ids go through both stages: a run in which
each fails once, and a benchmark in which each is predicted. Numbers may begin with a minus.
"""

from __future__ import annotations

import csv
import math
import random
from pathlib import Path

import yaml

from tests.measurement import Measured
from tests.trials.commands import must, run
from tests.trials.small_cohort import CARD, COLUMNS, write_table
from tests.trials.trial import Counts, Tally

STARTS = tuple("=+-@\t\r")
BODIES = ("cmd|'/C calc'!A0", 'HYPERLINK("http://192.0.2.1")', "SUM(1+1)*cmd", "1+1", "A1")
FEWEST_CASES = 40
PROTOCOL = {
    "schema_version": 1,
    "name": "formulas",
    "repeats": 1,
    "folds": 2,
    "inner": 2,
    "arms": [{"model": "null", "modalities": "none"}, {"model": "ridge_cox", "modalities": ["clinical"]}],
}


def formulas(work: Path, counts: Counts, seed: int) -> list[Measured]:
    """Use `counts.runs` formulas as case ids, others as names of sites and of a variable."""
    tally = Tally("fuse/formula_", f"S5: {counts.runs} ids that begin like formulas; seed {seed}")
    ids = [f"{STARTS[n % len(STARTS)]}{BODIES[n % len(BODIES)]} {n:02d}" for n in range(counts.runs)]
    manifest, raw = _cohort(work, ids, seed)
    cache, out = work / "cache", work / "run"
    done = run("extract", "run", manifest, "--root", raw, "--cache", cache)
    tally.count("runs_that_end_otherwise", done.returncode != 1, f"exit {done.returncode}: {done.stderr}")
    protocol = work / "protocol.yaml"
    protocol.write_text(yaml.safe_dump(PROTOCOL), encoding="utf-8")
    words = ("fuse", "benchmark", manifest, "--cache", cache, "--out", out)
    must(*words, "--protocol", protocol, "--jobs", 1)
    tables = [*(cache / "_runs").glob("*/*.csv"), *out.rglob("*.csv")]
    held = set()
    for table in tables:
        for number, row in enumerate(_rows(table), start=1):
            for cell in row:
                tally.count("cells_that_run", _runs(cell), f"{table.name} line {number}: {cell!r}")
                held |= {name for name in ids if name in cell}
    tally.count("ids_in_no_table", held != set(ids), f"{sorted(set(ids) - held)[:3]}")
    return tally.rows()


def _rows(table: Path) -> list[list[str]]:
    with table.open(newline="", encoding="utf-8") as stream:
        return list(csv.reader(stream))


def _runs(cell: str) -> bool:
    """Whether a spreadsheet takes the cell for a formula: it begins like one and is no number."""
    if not cell.startswith(STARTS):
        return False
    try:
        return not math.isfinite(float(cell))
    except ValueError:
        return True


def _cohort(work: Path, ids: list[str], seed: int) -> tuple[Path, Path]:
    """Write a cohort whose cases have clinical values, and a note that is not there."""
    generator = random.Random(seed)
    manifest, raw = work / "manifest", work / "raw"
    manifest.mkdir()
    raw.mkdir()
    cases = [*ids, *(f"plain{n:02d}" for n in range(FEWEST_CASES - len(ids)))]
    sites = ["=SITE()", "@other"]
    variable = {"kind": "numeric", "unit": "1"}
    card = {
        **CARD,
        "sites": sites,
        "modalities": ["notes", "clinical"],
        "variables": {"psa": variable, "=age": variable},
    }
    (manifest / "cohort.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    values = [(case, f"{generator.uniform(1, 9):.2f}", f"{generator.uniform(40, 80):.1f}") for case in cases]
    outcomes = [
        (case, "bcr", number % 2, f"{generator.uniform(1, 60):.2f}", "", "")
        for number, case in enumerate(cases)
    ]
    write_table(manifest / "cases.csv", COLUMNS["cases"], [(case, generator.choice(sites)) for case in cases])
    write_table(manifest / "clinical.csv", "case_id,psa,=age", values)
    write_table(
        manifest / "notes.csv", COLUMNS["notes"], [(case, "=n()", "=gone().txt", "", "") for case in ids]
    )
    write_table(manifest / "outcomes.csv", COLUMNS["outcomes"], outcomes)
    return manifest, raw
