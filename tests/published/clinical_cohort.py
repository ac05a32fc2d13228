"""A published table of clinical values as a cohort with its cache, by the commands that a user has."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.published.cohort import must

CaseRow = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class ClinicalTable:
    """The parts of a manifest: card (schema_version, sites and modalities are added), a row a case.

    `values` hold case_id and every variable; `outcomes` case_id, endpoint and what its kind needs.
    """

    card: Mapping[str, object]
    values: Sequence[CaseRow]
    outcomes: Sequence[CaseRow]


@dataclass(frozen=True, kw_only=True)
class ClinicalCohort:
    """Where manifest and cache are."""

    manifest: Path
    cache: Path


def make_clinical_cohort(table: ClinicalTable, work: Path) -> ClinicalCohort:
    """Write the manifest below `work` and extract it."""
    made = ClinicalCohort(manifest=work / str(table.card["name"]), cache=work / "cache")
    made.manifest.mkdir(parents=True)
    card = {"schema_version": 1, **table.card, "sites": [], "modalities": ["clinical"]}
    text = yaml.safe_dump(card, sort_keys=False)
    (made.manifest / "cohort.yaml").write_text(text, encoding="utf-8")
    _write(made.manifest / "cases.csv", [{"case_id": row["case_id"], "site": ""} for row in table.values])
    _write(made.manifest / "clinical.csv", table.values)
    blank = dict.fromkeys(("case_id", "endpoint", "event", "time", "cause", "value"), "")
    _write(made.manifest / "outcomes.csv", [{**blank, **row} for row in table.outcomes])
    must("extract", "run", made.manifest, "--root", made.manifest, "--cache", made.cache)
    return made


def _write(path: Path, rows: Sequence[CaseRow]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, tuple(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
