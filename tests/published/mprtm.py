"""M-PRTM: the ten published rows refused with their counts, a synthetic cohort of 300 run on every kind.

Enters: data_example.csv as published, and nothing for the synthetic cohort. Leaves: how many of the five
endpoints of the ten rows are refused by name and count; and, of 300 patients made, scanned and extracted by
the commands, what fusion reaches on a binary, a multiclass, a competing and a time endpoint, every arm with
an interval. `python -m tests.published.mprtm` runs it alone (some minutes).
"""

from __future__ import annotations

import csv
import math
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import yaml

from fuse.files import read_csv
from tests.measurement import Measured, tabulate
from tests.published.cohort import braid, must
from tests.published.shared_tables import SHARED, absent

TABLE = SHARED / "mprtm"
CASES, SEED = 300, 5
#: What the published rows hold of each label: (no, yes).
PUBLISHED_COUNTS = {
    "death": (9, 1),
    "cardiovascular_death": (9, 1),
    "rehospitalization": (8, 2),
    "cardiology_rehospitalization": (10, 0),
    "macces": (10, 0),
}
YEAR = 365
ENDPOINTS: dict[str, dict[str, object]] = {
    "readmitted": {
        "kind": "binary",
        "definition": "rehospitalised within 365 days; unknown where follow-up ended before",
    },
    "ward": {
        "kind": "multiclass",
        "definition": "where within 365 days: to cardiology, elsewhere, or not at all",
        "classes": ["none", "cardiology", "elsewhere"],
    },
    "days": {
        "kind": "time",
        "definition": "days to rehospitalisation, censored at the end of follow-up",
        "time_unit": "days",
        "horizon_days": float(YEAR),
    },
}
#: endpoint -> protocol, the metric that it is judged by; that of competing causes is on the shipped card.
RUNS = {
    "readmitted": ("classes", "auroc"),
    "ward": ("classes", "auroc_macro"),
    "readmission": ("competing", "c_index"),
    "days": ("torchfree", "c_index"),
}


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What one run says: arms with an interval of all arms, and the fusion that it compares."""

    arms: int
    with_interval: int
    fusion: str
    estimate: float
    low: float
    high: float
    cases: int
    events: str


def mprtm_rows(table: Path = TABLE) -> list[Measured]:
    """Measure both; one row says what is missing where there is no table."""
    rows = refused_rows(table) if table.is_dir() else absent("fuse/mprtm_ten_refused", "of 5", table)
    with tempfile.TemporaryDirectory(prefix="braid-mprtm-") as folder:
        manifest, cache = make_heart(Path(folder), CASES, SEED)
        for endpoint in RUNS:
            rows.append(_row(endpoint, judge(manifest, cache, endpoint, Path(folder) / endpoint)))
    return rows


def refused_rows(table: Path) -> list[Measured]:
    """Scan, extract and ask for a benchmark on each endpoint of the ten rows."""
    with tempfile.TemporaryDirectory(prefix="braid-mprtm-ten-") as folder:
        manifests, cache = Path(folder) / "manifests", Path(folder) / "cache"
        must("extract", "scan", "mprtm", table, "--cohort", "ten", "--manifests", manifests)
        must("extract", "run", manifests / "ten", "--root", table, "--cache", cache)
        refused = []
        for endpoint, (no, yes) in PUBLISHED_COUNTS.items():
            words = ("--protocol", "classes", "--endpoint", endpoint, "--out", Path(folder) / endpoint)
            done = braid("fuse", "benchmark", manifests / "ten", "--cache", cache, *words)
            where = f"endpoint {endpoint}: expected at least 10 cases of each class"
            said = f"{where}; got too few: {no} no, {yes} yes in 10 cases"
            left = (Path(folder) / endpoint).exists()
            refused.append(done.returncode == 1 and said in done.stdout + done.stderr and not left)
    return [
        Measured(
            name="fuse/mprtm_ten_refused",
            value=float(sum(refused)),
            unit="of 5 endpoints",
            bar="5, with the counts",
            met=all(refused),
            input="M-PRTM's published example, 10 patients: scanned, extracted, each endpoint asked for",
        )
    ]


def make_heart(work: Path, cases: int, seed: int) -> tuple[Path, Path]:
    """Write, scan and extract a synthetic cohort and add the endpoints that its labels allow."""
    raw, manifests, cache = work / "raw", work / "manifests", work / "cache"
    must("extract", "synthetic", raw, "--layout", "mprtm", "--cases", cases, "--seed", seed)
    must("extract", "scan", "mprtm", raw, "--cohort", "heart", "--manifests", manifests)
    add_endpoints(manifests / "heart")
    must("extract", "run", manifests / "heart", "--root", raw, "--cache", cache)
    return manifests / "heart", cache


def add_endpoints(manifest: Path) -> None:
    """Declare a yes or no, a class and a time on the card, and write their rows from the labels' own."""
    card = yaml.safe_load((manifest / "cohort.yaml").read_text(encoding="utf-8"))
    card["endpoints"] |= ENDPOINTS
    text = yaml.safe_dump(card, sort_keys=False, allow_unicode=True)
    (manifest / "cohort.yaml").write_text(text, encoding="utf-8")
    columns, rows = read_csv(manifest / "outcomes.csv")
    labels: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    for row in rows:
        labels[row["case_id"]][row["endpoint"]] = row
    with (manifest / "outcomes.csv").open("a", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
        for case, own in labels.items():
            writer.writerows({"case_id": case, **row} for row in endpoints_of(own))


def endpoints_of(own: dict[str, dict[str, str]]) -> list[dict[str, str]]:
    """Return the rows of one patient: unknown, not no, where a year was not seen."""
    days, event = own["rehospitalization"]["time"], own["rehospitalization"]["event"] == "1"
    within = event and float(days) <= YEAR
    died = own["death"]["event"] == "1" and float(own["death"]["time"]) <= YEAR
    known = within or died or float(days) >= YEAR
    ward = "cardiology" if own["cardiology_rehospitalization"]["event"] == "1" else "elsewhere"
    return [
        {"endpoint": "readmitted", "value": str(int(within)) if known else ""},
        {"endpoint": "ward", "value": (ward if within else "none") if known else ""},
        {"endpoint": "days", "event": str(int(event)), "time": days},
    ]


def judge(manifest: Path, cache: Path, endpoint: str, run: Path) -> Judged:
    """Run the protocol that suits an endpoint and read what it says of every arm."""
    protocol, metric = RUNS[endpoint]
    must(
        "fuse", "benchmark", manifest, "--cache", cache, "--protocol", protocol,
        "--endpoint", endpoint, "--out", run, "--jobs", 1,
    )  # fmt: skip
    rows = [row for row in read_csv(run / "metrics.csv")[1] if row["metric"] == metric]
    judged = [row for row in rows if not row["arm"].startswith("null")]
    last = next(row for row in reversed(judged) if row["arm"].startswith("late"))
    return Judged(
        arms=len(judged),
        with_interval=sum(_has_interval(row) for row in judged),
        fusion=last["arm"],
        estimate=float(last["estimate"]),
        low=float(last["low"]),
        high=float(last["high"]),
        cases=int(last["n_cases"]),
        events=last["n_events"],
    )


def _has_interval(row: dict[str, str]) -> bool:
    limits = [float(row[name]) if row[name] else math.nan for name in ("low", "estimate", "high")]
    return limits[0] <= limits[1] <= limits[2] and limits[0] < limits[2]


def _row(endpoint: str, said: Judged) -> Measured:
    protocol, metric = RUNS[endpoint]
    kind = ENDPOINTS.get(endpoint, {"kind": "competing"})["kind"]
    events = f", {said.events} events" if said.events else ""
    return Measured(
        name=f"fuse/mprtm_synthetic_{kind}",
        value=said.estimate,
        unit=metric,
        bar="every arm with an interval",
        met=said.with_interval == said.arms,
        input=f"{said.low:.3f} to {said.high:.3f} of {said.fusion}; {said.with_interval} of {said.arms} arms "
        f"with an interval; {said.cases} of {CASES} synthetic patients{events}, protocol {protocol}",
    )


if __name__ == "__main__":
    sys.exit(tabulate(mprtm_rows()))
