"""B4: mistakes in the labels of a cohort are refused by `check`, and case, line or column is named.

Enters: a work folder, how many mistakes, a seed. Leaves: measured rows. Each mistake is made in a sound
cohort of its own, at a random case; `extract check` has to find those in the tables of stage 1, `fuse check`
those in outcomes and folds.
"""

from __future__ import annotations

import copy
import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner

from extract.__main__ import app as extract_app
from fuse.__main__ import app as fuse_app
from tests.measurement import Measured
from tests.trials.commands import must
from tests.trials.mislabel import MISTAKES, Mistake
from tests.trials.trial import Counts, Tally, told

CASES = 40


@dataclass
class Labels:
    """The card and the tables of a cohort, each a list of rows of which the first is the header."""

    card: dict[str, Any]
    tables: dict[str, list[list[str]]]
    raw: dict[str, bytes] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write the manifest as it stands, commas and quotes of a cell kept as they are."""
        folder.mkdir(parents=True)
        (folder / "cohort.yaml").write_text(yaml.safe_dump(self.card), encoding="utf-8")
        for name, rows in self.tables.items():
            text = "".join(",".join(row) + "\n" for row in rows)
            (folder / f"{name}.csv").write_bytes(self.raw.get(name, text.encode()))


def label_errors(work: Path, counts: Counts, seed: int) -> list[Measured]:
    """Make `counts.runs` mistakes, spread over the kinds."""
    generator = random.Random(seed)
    tally = Tally("fuse/label_error_", f"B4: {counts.runs} mistakes of {len(MISTAKES)} kinds; seed {seed}")
    sound = _sound(generator)
    cache = _cache(work / "cache", sound)
    sound.write(work / "sound")
    for verb in ("extract", "fuse"):
        status, rows = _check(verb, work / "sound", cache)
        tally.count("sound_cohort_refused", status != 0, f"{verb}: {rows}")
    step = max(1, len(MISTAKES) // counts.runs)
    with told("B4: label errors", counts.runs) as advance:
        for number in range(counts.runs):
            mistake = MISTAKES[number * step % len(MISTAKES)]
            _make(mistake, sound, work / str(number), (cache, generator, tally))
            advance()
    return tally.rows()


def _make(mistake: Mistake, sound: Labels, folder: Path, context: tuple[Path, random.Random, Tally]) -> None:
    cache, generator, tally = context
    labels = copy.deepcopy(sound)
    case = generator.choice(labels.tables["cases"][1:])[0]
    owed = mistake.make(labels, case, generator)
    labels.write(folder)
    status, rows = _check(mistake.verb, folder, cache)
    failing = [f"{row['where']}: {row.get('got', '')}" for row in rows if row["level"] != "warning"]
    what = f"{mistake.name} at {case}"
    tally.count("not_refused", status != 1 or not failing, f"{what}: exit {status}, {failing}")
    named = any(owed in text for text in failing)
    tally.count("not_named", not named, f"{what}: {failing[:2]}, and not {owed}")


def _check(verb: str, manifest: Path, cache: Path) -> tuple[int, list[dict[str, str]]]:
    if verb == "extract":
        done = CliRunner().invoke(extract_app, ["check", str(manifest), "--root", str(cache), "--json"])
    else:
        done = CliRunner().invoke(fuse_app, ["check", str(manifest), "--cache", str(cache), "--json"])
    if not isinstance(done.exception, SystemExit | None):
        return -1, [{"level": "error", "where": f"a traceback: {done.exception!r}"}]
    try:
        told = json.loads(done.stdout)
    except ValueError:
        # a card that cannot be read is one line on stderr
        return done.exit_code, [{"level": "error", "where": f"{done.output}{done.exception}"}]
    return done.exit_code, told if isinstance(told, list) else told["problems"]


def _sound(generator: random.Random) -> Labels:
    """A cohort without a mistake: clinical values, measurements, outcomes, and folds of two repeats."""
    ids = [f"{number:04d}" for number in range(1, CASES + 1)]
    with_event = set(generator.sample(ids, CASES // 2))
    variable = {"kind": "numeric", "unit": "ng/mL", "limits": [0, 10000]}
    endpoint = {"kind": "survival", "definition": "d", "time_unit": "months", "horizon_days": 900.0}
    card = {
        "schema_version": 1,
        "name": "labels",
        "title": "t",
        "citation": "none",
        "licence": "CC0",
        "sites": ["A"],
        "modalities": ["clinical"],
        "index_event": "operation",
        "prediction_day": 0,
        "variables": {"psa": variable, "age": {"kind": "numeric", "unit": "a", "limits": [18, 110]}},
        "excluded": {"psa_after": "the outcome in disguise"},
        "endpoints": {"bcr": endpoint},
    }
    folds = [
        [str(repeat), str(fold), case, "test" if (number + repeat) % 3 == fold else "train"]
        for repeat in range(2)
        for fold in range(3)
        for number, case in enumerate(ids)
    ]
    times = {case: f"{generator.uniform(2, 60):.2f}" for case in ids}
    tables = {
        "cases": [["case_id", "site"], *([case, "A"] for case in ids)],
        "clinical": [
            ["case_id", "psa", "age"],
            *([case, f"{generator.uniform(1, 20):.1f}", "60"] for case in ids),
        ],
        "measurements": [
            ["case_id", "variable", "day", "value", "unit"],
            *([case, "psa", "-30", "5.5", "ng/mL"] for case in ids),
        ],
        "outcomes": [
            ["case_id", "endpoint", "event", "time", "cause", "value"],
            *([case, "bcr", "1" if case in with_event else "0", times[case], "", ""] for case in ids),
        ],
        "folds": [["repeat", "fold", "case_id", "part"], *folds],
    }
    return Labels(card=card, tables=tables)


def _cache(root: Path, labels: Labels) -> Path:
    """Extract the clinical values of the sound cohort, which is all that `fuse check` needs."""
    manifest = root.with_name("for-the-cache")
    labels.write(manifest)
    raw = root.with_name("raw")
    raw.mkdir()
    recipe = root.with_name("recipe.yaml")
    recipe.write_text("name: labels\nclinical: {encoder: values}\n", encoding="utf-8")
    must("extract", "run", manifest, "--root", raw, "--cache", root, "--recipe", recipe)
    return root
