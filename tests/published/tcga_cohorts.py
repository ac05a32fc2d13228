"""One cancer of the PORPOISE tables as a cohort with its cache, through the command line as a user would.

Enters: `tcga_<cancer>_all_clean.csv.zip` and a work folder. Leaves: the manifest (age, sex, oncotree code;
survival in months), the clinical values extracted and the omics imported. One row a case: the tables repeat
a case for each of its slides. Nothing here looks at the splits.
"""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.measurement import ROOT
from tests.published.cohort import must

TABLES = ROOT.parent / "shared/data/tables/porpoise"
OMICS = ("*_rnaseq", "*_cnv", "*_mut")


@dataclass(frozen=True, kw_only=True)
class Cancer:
    """Where the parts of one cancer's cohort are."""

    name: str
    manifest: Path
    cache: Path
    splits: Path


def cancers_of(tables: Path) -> list[str]:
    """Return the cancers that a folder in PORPOISE's layout has."""
    found = (tables / "datasets_csv_mutsig").glob("tcga_*_all_clean.csv.zip")
    return sorted(path.name.split("_")[1] for path in found)


def make_cancer(name: str, tables: Path, work: Path) -> Cancer:
    """Write the manifest of one cancer and fill its cache."""
    archive = tables / "datasets_csv_mutsig" / f"tcga_{name}_all_clean.csv.zip"
    rows = read_rows(archive)
    manifest, cache = work / name, work / f"{name}-cache"
    write_manifest(name, rows, manifest)
    must("extract", "run", manifest, "--root", manifest, "--cache", cache)
    chosen = [word for glob in globs_in(rows[0]) for word in ("--columns", glob)]
    must("extract", "import", archive, manifest, "--cache", cache, "--modality", "omics", *chosen)
    return Cancer(name=name, manifest=manifest, cache=cache, splits=tables / f"splits/5foldcv/tcga_{name}")


def read_rows(archive: Path) -> list[dict[str, str]]:
    """Return the first row of every case."""
    with zipfile.ZipFile(archive) as opened:
        text = opened.read(opened.namelist()[0]).decode("utf-8")
    rows: dict[str, dict[str, str]] = {}
    for row in csv.DictReader(io.StringIO(text)):
        rows.setdefault(row["case_id"], row)
    return list(rows.values())


def globs_in(row: dict[str, str]) -> list[str]:
    """Return the patterns of omics columns that a table has; BCR is a gene, and has to be named as such."""
    found = [glob for glob in OMICS if any(name.endswith(glob[1:]) for name in row)]
    return found + [name for name in ("BCR_rnaseq",) if name in row]


def write_manifest(name: str, rows: list[dict[str, str]], folder: Path) -> None:
    """Write cohort.yaml, cases.csv, clinical.csv and outcomes.csv."""
    folder.mkdir(parents=True)
    levels = sorted({row["oncotree_code"] for row in rows if row["oncotree_code"]})
    variables: dict[str, object] = {
        "age": {"kind": "numeric", "unit": "years"},
        "is_female": {"kind": "numeric", "unit": "0 or 1"},
    }
    if levels:
        variables["oncotree_code"] = {"kind": "categorical", "levels": levels}
    card = {
        "schema_version": 1,
        "name": name,
        "title": f"TCGA-{name.upper()}",
        "citation": "Chen et al. 2022, Cancer Cell 40, 865-878 (PORPOISE)",
        "licence": "open tier of TCGA; tables non-commercial",
        "sites": sorted({row["site"] for row in rows}),
        "modalities": ["clinical", "omics"],
        "index_event": "diagnosis",
        "prediction_day": 0,
        "variables": variables,
        "endpoints": {
            "survival": {
                "kind": "survival",
                "definition": "death of any cause",
                "time_unit": "months",
                "horizon_days": 1826.25,
            }
        },
    }
    (folder / "cohort.yaml").write_text(yaml.safe_dump(card, sort_keys=False), encoding="utf-8")
    tables = {
        "cases.csv": (("case_id", "site"), [(row["case_id"], row["site"]) for row in rows]),
        "clinical.csv": (
            ("case_id", *variables),
            [(row["case_id"], *(row[name] for name in variables)) for row in rows],
        ),
        "outcomes.csv": (
            ("case_id", "endpoint", "event", "time", "cause", "value"),
            [
                (row["case_id"], "survival", "10"[int(float(row["censorship"]))], time_of(row), "", "")
                for row in rows
            ],
        ),
    }
    for file, (columns, lines) in tables.items():
        with (folder / file).open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(columns)
            writer.writerows(lines)


def time_of(row: dict[str, str]) -> str:
    """Return the months of follow-up as they are given."""
    return row["survival_months"]
