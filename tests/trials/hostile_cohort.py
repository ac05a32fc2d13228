"""A cohort of one good case and many bad ones: each bad file is a case of its own, to be named.

Enters: a folder; files that are no good. Leaves: what `extract check` and `extract run` say of each case,
which entries there are, and what it cost. The good case must come through whatever stands beside it.
"""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from feature_cache.csv_lines import as_given
from feature_cache.store import FeatureCache
from tests.trials.commands import extract_words
from tests.trials.small_cohort import CARD, COLUMNS, add_case, write_table
from tests.trials.watched_command import Watched, watch

GOOD = "c000"
#: A cap that the machine can bear. What reaches it was not refused.
CAP_GB = 2
#: From so many cases on there are two workers: a second one costs its imports.
MANY = 40
_CASE = re.compile(r"case (\S+?)(?=[,:\s]|$)")


@dataclass(frozen=True, kw_only=True)
class CheckOutcome:
    """What `extract check` said of each case."""

    command: Watched
    said: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class RunOutcome:
    """What became of each case in `extract run`: rows of failures.csv as text, and modalities committed."""

    command: Watched
    failed: dict[str, str]
    committed: dict[str, set[str]]

    @property
    def good_is_whole(self) -> bool:
        """Whether the good case has an entry of every modality and no failure."""
        wanted = {"slides", "volumes", "notes", "clinical"}
        return self.committed.get(GOOD) == wanted and GOOD not in self.failed


class HostileCohort:
    """The cohort as it is put together; `save` writes the manifest."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.raw, self.manifest, self.cache = (folder / name for name in ("raw", "manifest", "cache"))
        self.raw.mkdir(parents=True)
        self.manifest.mkdir()
        self.tables: dict[str, list[Sequence[object]]] = {name: [] for name in COLUMNS}
        self.card = dict(CARD)
        #: Words beside the usual ones of `extract run`, and case -> the file with the times of its series.
        self.words: tuple[object, ...] = ()
        self.times: dict[str, str] = {}
        add_case(self.raw, GOOD, self.tables, np.random.default_rng(seed))

    def file(self, name: str) -> Path:
        """Return where a raw file of that name goes."""
        path = self.raw / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def add_slide(self, case: str, slide: str, mask: str = "", mpp: object = "") -> None:
        """Add a case that is one slide; file names are relative to the root."""
        self._case(case)
        self.tables["slides"].append((case, f"{case}_1", slide, mask, mpp))

    def add_study(self, case: str, series: Mapping[str, str], mask: str = "") -> None:
        """Add a case that is one study: sequence -> file, and a mask of the prostate."""
        self._case(case)
        for sequence, path in series.items():
            self.tables["series"].append((case, "s1", sequence, sequence, "", path, ""))
        if mask:
            self.tables["masks"].append((case, "s1", "prostate", mask, "1=prostate"))

    def add_note(self, case: str, path: str, column: str = "") -> None:
        """Add a case that is one note, a file or a cell of a table."""
        self._case(case)
        self.tables["notes"].append((case, f"{case}_n", path, column, ""))

    def save(self) -> None:
        """Write the manifest."""
        (self.manifest / "cohort.yaml").write_text(yaml.safe_dump(self.card), encoding="utf-8")
        for name, rows in self.tables.items():
            columns = COLUMNS[name]
            if name == "series" and self.times:
                columns += ",times_path"
                rows = [(*row, self.times.get(str(row[0]), "")) for row in rows]
            write_table(self.manifest / f"{name}.csv", columns, rows)

    def check(self, environment: dict[str, str] | None = None) -> CheckOutcome:
        """Run `extract check`."""
        words = ("extract", "check", self.manifest, "--root", self.raw, "--json")
        command = watch(*words, environment=environment)
        said: dict[str, str] = defaultdict(str)
        for row in json.loads(command.out) if command.out.startswith("[") else []:
            text = " | ".join(str(value) for value in row.values())
            for case in set(_CASE.findall(row["where"])):
                said[case] += text + "\n"
        return CheckOutcome(command=command, said=dict(said))

    def run(self, workers: int | None = None, environment: dict[str, str] | None = None) -> RunOutcome:
        """Run `extract run`, each child capped at `CAP_GB`, and read what it left."""
        if workers is None:
            workers = 2 if len(self.tables["cases"]) >= MANY else 1
        words = extract_words(self.manifest, self.raw, self.cache, workers)
        command = watch(*words, *self.words, "--memory-gb", CAP_GB, environment=environment)
        committed: dict[str, set[str]] = defaultdict(set)
        failed: dict[str, str] = defaultdict(str)
        if self.cache.is_dir():
            for record in FeatureCache.open(self.cache).records():
                committed[record.case_id].add(record.modality)
            for case, text in _failures(self.cache / "_runs"):
                failed[case] += text + "\n"
        return RunOutcome(command=command, failed=dict(failed), committed=dict(committed))

    def _case(self, case: str) -> None:
        if (case, "A") not in self.tables["cases"]:
            self.tables["cases"].append((case, "A"))


def _failures(runs: Path) -> Iterable[tuple[str, str]]:
    """Yield case and text of every row of the last run's failures.csv."""
    for table in sorted(runs.glob("*/failures.csv"))[-1:]:
        with table.open(newline="", encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                yield as_given(row["case_id"]), " | ".join(row.values())
