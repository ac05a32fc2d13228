"""The page of a cohort's moments: who is at risk at each, and how arms predict with what is known by then.

Enters: the folder that `fuse landmarks` wrote, landmarks.csv in it. Leaves: landmarks.html beside it, with a
link to the report of every moment. All text from files passes jinja2's escaping.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup

from fuse.files import parse_csv, write_text
from fuse.report import numerals
from fuse.report.environment import TEMPLATES, page_environment
from fuse.report.metric_names import MetricName, name_metric


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One number with its interval, blank where there is none."""

    estimate: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class ArmLine:
    """One arm at one moment: a cell for each metric of the moment."""

    arm: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, kw_only=True)
class MomentTable:
    """One moment; `reason` says why it was not run, "" where it was."""

    name: str
    day: str
    starts: float
    at_risk: str
    events: str
    before: str
    metrics: tuple[MetricName, ...]
    arms: tuple[ArmLine, ...]
    link: str
    reason: str


def write_landmark_page(folder: Path, table: str, words: str) -> Path:
    """Write landmarks.html from the table in `folder`; the same table gives the same bytes.

    Parameters
    ----------
    table
        Name of the table.
    words
        What is said of rows of two moments.
    """
    rows = parse_csv((folder / table).read_text(encoding="utf-8"))[1]
    template = page_environment().get_template("landmarks.html.j2")
    page = template.render(
        style=Markup((TEMPLATES / "style.css").read_text(encoding="utf-8")),
        moments=tuple(build_moments(rows)),
        words=words,
        table=table,
        nothing=numerals.NOTHING,
    )
    path = folder / "landmarks.html"
    write_text(path, page)
    return path


def build_moments(rows: Sequence[Mapping[str, str]]) -> Iterator[MomentTable]:
    """Yield the moments in the order of the table, each with its arms and metrics in theirs."""
    for name in dict.fromkeys(row["moment"] for row in rows):
        own = [row for row in rows if row["moment"] == name]
        first = own[0]
        metrics = tuple(dict.fromkeys(row["metric"] for row in own if row["metric"]))
        found = {(row["arm"], row["metric"]): row for row in own}
        arms = dict.fromkeys(row["arm"] for row in own if row["arm"])
        yield MomentTable(
            name=name,
            day=first["day"],
            starts=float(first["clock_starts_day"]),
            at_risk=first["n_at_risk"],
            events=first["n_events"],
            before=first["n_before"],
            metrics=tuple(name_metric(metric) for metric in metrics),
            arms=tuple(
                ArmLine(arm=arm, cells=tuple(_cell(found.get((arm, metric))) for metric in metrics))
                for arm in arms
            ),
            link=f"{quote(name)}/report.html",
            reason=first["reason"],
        )


def _cell(row: Mapping[str, str] | None) -> Cell:
    if row is None:
        return Cell()
    estimate, low, high = (float(row[name]) if row[name] else None for name in ("estimate", "low", "high"))
    return Cell(estimate=estimate, low=low, high=high)
