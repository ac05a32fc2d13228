"""A RUN folder, read whole before a line of the page is written.

Enters: the folder that a benchmark left. Leaves: a frozen `RunFolder`, or an error that names the file,
what was expected of it and what to do. Nothing outside the folder is opened, and no outcome is in it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from feature_cache.canonical import sha256_of_file
from feature_cache.errors import BraidError
from fuse.files import parse_csv
from fuse.report.checklist_table import ChecklistRow
from fuse.report.documents import (
    AddedValueRow,
    Attention,
    AttentionWeightRow,
    ChosenRow,
    ComparisonRow,
    Curves,
    DecisionRow,
    LintRow,
    MetricRow,
    ShapleyRow,
    SubsetRow,
    Verdict,
    WeightRow,
)
from fuse.report.interval_tables import IntervalTableRow
from fuse.report.replicate_tables import RefitTestRow
from fuse.report.run_document import RunDocument
from fuse.report.volume_document import VolumeView
from fuse.run.predictions import prediction_file

#: The page is an output too, but it is written last, from the others.
REPORT_NAME = "report.html"
REMEDY = "Run `python -m fuse benchmark` again, or `python -m fuse rerun` on an intact copy."

P = TypeVar("P", bound=BaseModel)


class RunFolderError(BraidError):
    """A RUN folder does not hold what the page needs."""


@dataclass(frozen=True, kw_only=True)
class FoldSizes:
    """What folds.csv holds: all cases, those that are tested, and the smallest and largest test part."""

    cases: int
    tested: int
    smallest_test: int
    largest_test: int


@dataclass(frozen=True, kw_only=True)
class RunFolder:
    """Everything the page may say.

    `predicted` counts the distinct cases in each arm's predictions; `changed` lists recorded outputs whose
    bytes are no longer those that run.json names, `lost` those that are gone.
    """

    name: str
    document: RunDocument
    metrics: tuple[MetricRow, ...]
    comparisons: tuple[ComparisonRow, ...]
    weights: tuple[WeightRow, ...]
    subsets: tuple[SubsetRow, ...]
    shapley: tuple[ShapleyRow, ...]
    added_value: tuple[AddedValueRow, ...]
    decisions: tuple[DecisionRow, ...]
    attention_weights: tuple[AttentionWeightRow, ...]
    lint: tuple[LintRow, ...] | None
    chosen: tuple[ChosenRow, ...]
    intervals: tuple[IntervalTableRow, ...]
    tests: tuple[RefitTestRow, ...]
    tripod: tuple[ChecklistRow, ...]
    probast: tuple[ChecklistRow, ...]
    curves: Curves
    attention: Attention
    volumes: VolumeView
    verdict: Verdict
    fold_sizes: FoldSizes
    predicted: dict[str, int]
    changed: tuple[str, ...]
    lost: tuple[str, ...]


def read_run(run: Path) -> RunFolder:
    """Read and check one RUN folder.

    Parameters
    ----------
    run
        The folder that `python -m fuse benchmark --out` wrote.

    Raises
    ------
    RunFolderError
        A file is absent, cannot be read, or is not of its form; the text names it.
    """
    if not run.is_dir():
        raise RunFolderError(
            run.name,
            expected="a RUN folder",
            got="no such folder",
            remedy="Give the folder that `python -m fuse benchmark --out` wrote.",
        )
    document = _read_json(run / "run.json", RunDocument)
    changed, lost = _compare_outputs(run, document.outputs)
    return RunFolder(
        name=run.absolute().name,
        document=document,
        metrics=_read_csv(run / "metrics.csv", MetricRow),
        comparisons=_read_csv(run / "comparisons.csv", ComparisonRow),
        weights=_read_csv(run / "weights.csv", WeightRow),
        subsets=_read_csv(run / "subsets.csv", SubsetRow) if _has(run, document, "subsets.csv") else (),
        shapley=_read_csv(run / "shapley.csv", ShapleyRow) if _has(run, document, "shapley.csv") else (),
        added_value=_read_csv(run / "added_value.csv", AddedValueRow)
        if _has(run, document, "added_value.csv")
        else (),
        decisions=_read_csv(run / "decision_curves.csv", DecisionRow)
        if _has(run, document, "decision_curves.csv")
        else (),
        attention_weights=_read_csv(run / "attention_weights.csv", AttentionWeightRow)
        if _has(run, document, "attention_weights.csv")
        else (),
        tripod=_read_csv(run / "tripod.csv", ChecklistRow) if _has(run, document, "tripod.csv") else (),
        probast=_read_csv(run / "probast.csv", ChecklistRow) if _has(run, document, "probast.csv") else (),
        lint=_read_csv(run / "lint.csv", LintRow) if _has(run, document, "lint.csv") else None,
        chosen=_read_csv(run / "chosen.csv", ChosenRow) if _has(run, document, "chosen.csv") else (),
        intervals=_read_csv(run / "intervals.csv", IntervalTableRow)
        if _has(run, document, "intervals.csv")
        else (),
        tests=_read_csv(run / "tests.csv", RefitTestRow) if _has(run, document, "tests.csv") else (),
        curves=_checked_curves(_read_json(run / "curves.json", Curves)),
        attention=_read_json(run / "attention.json", Attention),
        volumes=_read_json(run / "volumes.json", VolumeView)
        if _has(run, document, "volumes.json")
        else VolumeView(reason="The run was made by a version that draws none"),
        verdict=_read_json(run / "verdict.json", Verdict),
        fold_sizes=_read_fold_sizes(run / "folds.csv"),
        predicted={
            arm.name: _count_predicted(run / prediction_file(arm.name))
            for arm in document.arms
            if arm.status == "done"
        },
        changed=changed,
        lost=lost,
    )


def _has(run: Path, document: RunDocument, name: str) -> bool:
    """Whether a file is there or should be: runs of earlier versions have not written all of them."""
    return name in document.outputs or (run / name).is_file()


def _inside(run: Path, relative: str, where: str) -> Path:
    path = run / relative
    if not path.resolve().is_relative_to(run.resolve()):
        raise RunFolderError(
            where, expected="paths inside the RUN folder", got="one that leads out of it", remedy=REMEDY
        )
    return path


def _read_text(path: Path) -> str:
    name = path.name if path.parent.name != "predictions" else f"predictions/{path.name}"
    if not path.is_file():
        raise RunFolderError(name, expected="this file in the RUN folder", got="no such file", remedy=REMEDY)
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise RunFolderError(name, expected="UTF-8", got=error.reason, remedy=REMEDY) from error


def _read_json(path: Path, kind: type[P]) -> P:
    try:
        return kind.model_validate(json.loads(_read_text(path)))
    except json.JSONDecodeError as error:
        got = f"a fault at line {error.lineno}: {error.msg}"
        raise RunFolderError(path.name, expected="JSON", got=got, remedy=REMEDY) from error
    except ValidationError as error:
        raise _wrong_form(path.name, error) from error


def _read_rows(path: Path, needed: Iterable[str]) -> list[dict[str, str]]:
    columns, rows = parse_csv(_read_text(path))
    absent = sorted(set(needed) - set(columns))
    if absent:
        got = f"no column {', '.join(absent)}"
        raise RunFolderError(path.name, expected=f"columns {', '.join(needed)}", got=got, remedy=REMEDY)
    return rows


def _read_csv(path: Path, kind: type[P]) -> tuple[P, ...]:
    rows = _read_rows(path, tuple(kind.model_fields))
    typed = []
    for line, row in enumerate(rows, start=2):
        try:
            typed.append(kind.model_validate(row))
        except ValidationError as error:
            raise _wrong_form(f"{path.name} line {line}", error) from error
    return tuple(typed)


def _wrong_form(where: str, error: ValidationError) -> RunFolderError:
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "the document"
    return RunFolderError(
        f"{where}: {field}", expected="a value of its form", got=first["msg"], remedy=REMEDY
    )


def _checked_curves(curves: Curves) -> Curves:
    for number, group in enumerate(curves.groups):
        lengths = {len(group.time_days), len(group.survival), len(group.low), len(group.high)}
        rising = all(a <= b for a, b in zip(group.time_days, group.time_days[1:], strict=False))
        if len(lengths) != 1 or not rising:
            raise RunFolderError(
                f"curves.json: groups.{number}",
                expected="time_days rising, and survival, low and high as long as time_days",
                got=f"lengths {sorted(lengths)}" if rising else "times out of order",
                remedy=REMEDY,
            )
    return curves


def _read_fold_sizes(path: Path) -> FoldSizes:
    rows = _read_rows(path, ("repeat", "fold", "case_id", "part"))
    tested = [row for row in rows if row["part"] == "test"]
    tests = Counter((row["repeat"], row["fold"]) for row in tested)
    if not tests:
        raise RunFolderError(path.name, expected="rows of part test", got="none", remedy=REMEDY)
    return FoldSizes(
        cases=len({row["case_id"] for row in rows}),
        tested=len({row["case_id"] for row in tested}),
        smallest_test=min(tests.values()),
        largest_test=max(tests.values()),
    )


def _count_predicted(path: Path) -> int:
    return len({row["case_id"] for row in _read_rows(path, ("repeat", "fold", "case_id"))})


def _compare_outputs(run: Path, outputs: dict[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    changed, lost = [], []
    for name, recorded in sorted(outputs.items()):
        path = _inside(run, name, "run.json: outputs")
        if name == REPORT_NAME:
            continue
        if not path.is_file():
            lost.append(name)
        elif sha256_of_file(path) != recorded:
            changed.append(name)
    return tuple(changed), tuple(lost)
