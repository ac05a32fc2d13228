"""Dynamic prediction: every declared moment of a cohort predicted anew, from one cache.

Enters: inputs of a benchmark, of a cohort whose card declares moments. Leaves: a folder with a RUN a moment,
`landmarks.csv` and a page: at each, how many cases are at risk, how many events follow, and how well each arm
predicts them with what is known by then. At a landmark only cases without an outcome stay, values up to it
are used, and time starts again there (van Houwelingen 2007; van Houwelingen and Putter 2012).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from feature_cache.cohort import inspect_cohort
from feature_cache.errors import BraidError, ManifestError, OutcomeError
from fuse.benchmark import run_benchmark
from fuse.files import Cell, parse_csv, write_csv
from fuse.inspection.inspection import RunInputs
from fuse.run.run_record import RECORD
from fuse.verdict.words import counted

TABLE = "landmarks.csv"
COLUMNS = (
    "moment",
    "day",
    "clock_starts_day",
    "arm",
    "n_at_risk",
    "n_events",
    "n_before",
    "horizon_days",
    "metric",
    "estimate",
    "low",
    "high",
    "method",
    "reason",
)
#: What stands in the table of each arm: how it orders the cases, and at which days it tells them apart.
_METRICS = ("c_index", "auroc", "auroc_macro", "auc")

NOT_COMPARED = (
    "Rows of two moments are of other cases, other values and another clock: a difference between them is no "
    "gain of a model. Compare arms within a moment."
)


@dataclass(frozen=True, kw_only=True)
class Landmark:
    """One moment: its day, the rows of the table, and why it was not run ("" where it was)."""

    moment: str
    day: int
    rows: tuple[tuple[Cell, ...], ...]
    reason: str = ""


def run_landmarks(inputs: RunInputs, out: Path, jobs: int) -> tuple[Landmark, ...]:
    """Run every declared moment, in the order of their days, and write the table.

    Parameters
    ----------
    inputs
        As for a benchmark; the moment of its protocol is not used.
    out
        A new folder; the run of a moment is `out`/<moment>.

    Raises
    ------
    BraidError
        The card declares no moment, or `out` holds something. A moment that cannot be evaluated (too few at
        risk, say) stops no other: its row says why.
    """
    moments = inspect_cohort(inputs.cohort_folder)[0].card.moments
    if not moments:
        raise ManifestError(
            "cohort.yaml: moments",
            expected="moments at which predictions are made, name -> day",
            got="none",
            remedy="Declare them (pre_operative: -1, one_year: 365) and extract again.",
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutcomeError(
            f"--out {out}",
            expected="a new folder",
            got="one that holds something",
            remedy="Give another name, or take the old runs away.",
        )
    from fuse.report.landmark_page import write_landmark_page

    out.mkdir(parents=True, exist_ok=True)
    ordered = sorted(moments.items(), key=lambda item: item[1])
    found = tuple(_run_moment(inputs, out, (moment, day), jobs) for moment, day in ordered)
    write_csv(out / TABLE, COLUMNS, [row for landmark in found for row in landmark.rows])
    write_landmark_page(out, TABLE, NOT_COMPARED)
    return found


def describe_landmarks(landmarks: Sequence[Landmark], out: Path) -> Iterator[str]:
    """Say the table in lines: of each moment who is at risk, and how each arm orders them."""
    for landmark in landmarks:
        if landmark.reason:
            yield f"{landmark.moment} (day {landmark.day}): not run: {landmark.reason}"
            continue
        rows = [dict(zip(COLUMNS, row, strict=True)) for row in landmark.rows]
        ranked = [row for row in rows if row["metric"] == rows[0]["metric"]]
        at_risk = counted(int(str(ranked[0]["n_at_risk"])), "case")
        events = f", {ranked[0]['n_events']} with the event" if ranked[0]["n_events"] != "" else ""
        left = f", {ranked[0]['n_before']} with an outcome before" if ranked[0]["n_before"] else ""
        when = f"{landmark.moment} (day {landmark.day})"
        yield f"{when}: {at_risk} at risk{events}{left}; {ranked[0]['metric']}"
        for row in ranked:
            limits = [f"{float(str(row[name])):.3f}" for name in ("low", "high") if row[name]]
            interval = " to ".join(limits) if len(limits) == 2 else "no interval"
            yield f"  {row['arm']}  {float(str(row['estimate'])):.3f}  ({interval})"
    yield NOT_COMPARED
    yield f"table: {out / TABLE}; page: {out / 'landmarks.html'}"


def _run_moment(inputs: RunInputs, out: Path, moment: tuple[str, int], jobs: int) -> Landmark:
    name, day = moment
    at_moment = replace(inputs, protocol=inputs.protocol.model_copy(update={"moment": name}))
    try:
        run_benchmark(at_moment, out / name, jobs)
    except BraidError as error:
        row: tuple[Cell, ...] = (name, day, max(0, day), *(None,) * (len(COLUMNS) - 4), str(error))
        return Landmark(moment=name, day=day, rows=(row,), reason=str(error))
    return Landmark(moment=name, day=day, rows=tuple(_rows_of(out / name, name, day)))


def _rows_of(run: Path, name: str, day: int) -> list[tuple[Cell, ...]]:
    """Return the rows of one run: what its own tables say, nothing is computed again."""
    record = json.loads((run / RECORD).read_text(encoding="utf-8"))
    before = _count(record["flow"], "outcome by day")
    metrics = parse_csv((run / "metrics.csv").read_text(encoding="utf-8"))[1]
    start, used = record["moment"]["clock_starts_day"], record["endpoint"]["horizon_used_days"]
    return [
        (
            name,
            day,
            start,
            row["arm"],
            row["n_cases"],
            row["n_events"],
            before,
            used,
            row["metric"],
            row["estimate"],
            row["low"],
            row["high"],
            row["method"],
            "",
        )
        for row in metrics
        if row["metric"] in _METRICS or row["metric"].startswith("auc_")
    ]


def _count(flow: Sequence[Mapping[str, Any]], step: str) -> int:
    return next((int(part["cases"]) for part in flow if str(part["step"]).startswith(step)), 0)
