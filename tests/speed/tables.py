"""What a wide table costs: its import, and the verified way from its entries to the table that models get."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import yaml

from extract.interchange.table_import import TableRequest, import_table
from feature_cache.cohort import Cohort, read_cohort
from feature_cache.store import FeatureCache
from fuse.cases import Cases
from fuse.features.feature_sets import choose_feature_sets
from fuse.features.table import read_cases
from tests.measurement import Measured
from tests.speed.timing import best

CASES, COLUMNS = 500, 2000
CARD = {
    "schema_version": 1,
    "name": "speed",
    "title": "made up",
    "citation": "none",
    "licence": "CC0",
    "sites": ["a"],
    "modalities": ["omics"],
    "index_event": "diagnosis",
    "prediction_day": 0,
}


def table_rows(work: Path) -> list[Measured]:
    """Import one table, and read it back as `fuse` does, against numpy's plain files."""
    folder = work / "table"
    values, cohort = _write_table(folder)
    plain_write, plain_read = _plain(folder, values)
    cache = FeatureCache.create(folder / "cache")
    request = TableRequest(table=folder / "table.csv", modality="omics", name="speed")
    imported = best(lambda: import_table(request, cohort, cache), 1)
    read = best(lambda: _read(cache, cohort, folder))
    np.testing.assert_array_equal(_read(cache, cohort, folder).modalities["omics"].values, values)
    size = f"{CASES} cases x {COLUMNS} values"
    return [
        _row("cache/import_table", imported, "s", size),
        _row(
            "cache/import_table_over_npy", imported / plain_write, "times plain", f"{size}, .npy with fsync"
        ),
        _row("cache/verified_read_of_vectors", read * 1e3 / CASES, "ms a case", f"{size}, entries to matrix"),
        _row("cache/verified_read_of_vectors_over_npy", read / plain_read, "times plain", f"{size}, .npy"),
    ]


def _row(name: str, value: float, unit: str, source: str) -> Measured:
    return Measured(name=name, value=value, unit=unit, bar=None, met=None, input=source)


def _write_table(folder: Path) -> tuple[np.ndarray, Cohort]:
    folder.mkdir()
    values = np.random.default_rng(0).standard_normal((CASES, COLUMNS)).round(4)
    ids = [f"case-{number:04d}" for number in range(CASES)]
    header = ",".join(["case_id", *(f"GENE{number}_rnaseq" for number in range(COLUMNS))])
    rows = [",".join([case, *map(repr, row)]) for case, row in zip(ids, values.tolist(), strict=True)]
    (folder / "table.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    (folder / "cohort.yaml").write_text(yaml.safe_dump(CARD), encoding="utf-8")
    cases = "".join(f"{case},a\n" for case in ids)
    (folder / "cases.csv").write_text(f"case_id,site\n{cases}", encoding="utf-8")
    return values, read_cohort(folder)


def _plain(folder: Path, values: np.ndarray) -> tuple[float, float]:
    """Write and read a file a case."""
    paths = [folder / f"{number}.npy" for number in range(CASES)]

    def write() -> None:
        for path, row in zip(paths, values, strict=True):
            with path.open("wb") as stream:
                np.save(stream, row)
                stream.flush()
                os.fsync(stream.fileno())

    return best(write, 1), best(lambda: np.stack([np.load(path) for path in paths]))


def _read(cache: FeatureCache, cohort: Cohort, folder: Path) -> Cases:
    chosen, problems = choose_feature_sets(cache, cohort, "auto")
    assert problems == []
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        return read_cases(cache, chosen, cohort.case_ids, Path(scratch))
