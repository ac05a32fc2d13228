"""S6: names, numbers and texts of people planted in all that is read: none gets out, on any way.

Enters: a work folder, how many canaries, a seed. Leaves: measured rows. Searched are: every file of the
cache, of the run and of the drafted card, their names, every array of an entry as it is read (small ones are
base64 on the disk), and all that any verb printed. Names of folders must not get out; names of files stand in
messages by design (a person has to find the file), and in no entry.
"""

from __future__ import annotations

import csv
import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from feature_cache.store import FeatureCache
from tests.measurement import Measured
from tests.trials.canary_places import FILE_NAMES, PLACES, as_folder
from tests.trials.commands import Finished, run
from tests.trials.formulas import PROTOCOL
from tests.trials.hostile_cohort import HostileCohort
from tests.trials.small_cohort import write_table
from tests.trials.trial import Counts, Tally

NAMES = ("Kowalczyk", "Zwetkowa", "Oyelaran", "Thorvald", "Quispehu", "Nakamoru", "Delacrui", "Szabolcs")
#: Cases without files, so that there are enough of them to evaluate.
PLAIN, FILES = 40, 6
#: A quick run has so few places, and so few wrong cells, and says the most talkative verbs alone.
FEW, FEW_CELLS, ENOUGH = 9, 4, 100
#: Cells that are wrong and hold a canary: table, column. Fewer in a quick run.
WRONG_CELLS = (
    ("clinical", "psa"),
    ("measurements", "value"),
    ("slides", "mpp"),
    ("notes", "day"),
    ("series", "day"),
    ("series", "spacing_mm"),
    ("masks", "codebook"),
    ("measurements", "day"),
    ("measurements", "unit"),
)
WRONG_FOR_FUSE = (("outcomes", "event"), ("outcomes", "time"), ("folds", "part"), ("folds", "fold"))


@dataclass
class _Canaries:
    """Tokens by what they are, and all that was printed."""

    generator: random.Random
    inside: dict[str, str] = field(default_factory=dict)
    of_files: dict[str, str] = field(default_factory=dict)
    printed: list[str] = field(default_factory=list)

    def new(self, what: str, *, file_name: bool = False) -> str:
        """Return a new token for a place."""
        token = f"{self.generator.choice(NAMES)}{self.generator.randrange(10**6, 10**7)}"
        (self.of_files if file_name else self.inside)[token] = what
        return token

    def hear(self, done: Finished) -> Finished:
        """Keep what a command said."""
        self.printed.append(done.stdout + done.stderr)
        return done


def canaries(work: Path, counts: Counts, seed: int) -> list[Measured]:
    """Plant `counts.runs` canaries and search for them."""
    planted = _Canaries(random.Random(seed))
    cohort = _plant(work, counts.runs, seed, planted)
    out = _run_all(work, cohort, planted, quick=counts.runs < ENOUGH)
    tally = Tally("report/canary_", "")
    entries = [path for path in cohort.cache.rglob("*") if path.relative_to(cohort.cache).parts[0][0] != "_"]
    rest = [*(cohort.cache.glob("_*/**/*")), *out.rglob("*"), *(work / "drafted").rglob("cohort.yaml")]
    held = {"entries": _bytes_of(entries), "arrays": _arrays(cohort.cache)}
    held["runs, tables, report and page"] = _bytes_of(rest)
    held["what was printed"] = "\n".join(planted.printed).lower().encode()
    for token, what in planted.inside.items():
        places = [place for place, content in held.items() if _holds(content, token)]
        tally.count("found", bool(places), f"{what}: in {', '.join(places)}")
    told = 0
    for token, what in planted.of_files.items():
        inside = any(_holds(held[place], token) for place in ("entries", "arrays"))
        tally.count("file_names_in_entries", inside, what)
        told += any(_holds(content, token) for content in held.values())
    traces = [text for text in planted.printed if "Traceback" in text]
    tally.count("tracebacks", bool(traces), "".join(traces))
    tally.count(
        "nothing_was_made", not entries or not (out / "report.html").is_file(), f"{planted.printed[-3:]}"
    )
    tally.source = (
        f"S6: {len(planted.inside)} canaries in texts, tags, headers, labels, cells and folders; "
        f"{told} of {len(planted.of_files)} names of files stand in messages; seed {seed}"
    )
    return tally.rows()


def _plant(work: Path, count: int, seed: int, planted: _Canaries) -> HostileCohort:
    cohort = HostileCohort(as_folder(work, planted.new("the name of the root's folder")), seed)
    # only the raw files lie in the folder with a name: cache and manifest are the user's own
    for name in ("manifest", "cache"):
        setattr(cohort, name, work / name)
    cohort.manifest.mkdir()
    in_cells = len(WRONG_CELLS) + len(WRONG_FOR_FUSE)
    for number in range(max(FEW, count - in_cells - FILES - PLAIN)):
        plant = PLACES[number % len(PLACES)]
        plant(cohort, f"can{number:03d}", planted.new(f"{plant.__name__} of can{number:03d}"))
    for number in range(FILES):
        plant = FILE_NAMES[number % len(FILE_NAMES)]
        plant(cohort, f"file{number:02d}", planted.new(plant.__name__, file_name=True))
    cohort.card["ignored"] = {"who": "the name"}
    cohort.save()
    _write_tables(cohort, planted)
    return cohort


def _write_tables(cohort: HostileCohort, planted: _Canaries) -> None:
    """Add plain cases with outcomes, an ignored column of names, and texts beside the outcomes."""
    cases = [f"plain{number:02d}" for number in range(PLAIN)]
    generator = planted.generator
    everyone = [str(row[0]) for row in cohort.tables["cases"]] + cases
    write_table(cohort.manifest / "cases.csv", "case_id,site", [(case, "A") for case in everyone])
    clinical = [
        (case, f"{generator.uniform(1, 20):.1f}", "60", planted.new(f"ignored cell of {case}"))
        for case in cases
    ]
    write_table(cohort.manifest / "clinical.csv", "case_id,psa,age,who", clinical)
    outcomes = [
        (case, "bcr", number % 2, f"{generator.uniform(1, 60):.1f}", "", "")
        for number, case in enumerate(cases)
    ]
    write_table(cohort.manifest / "outcomes.csv", "case_id,endpoint,event,time,cause,value", outcomes)


def _run_all(work: Path, cohort: HostileCohort, planted: _Canaries, *, quick: bool) -> Path:
    """Say the verbs, on sound tables and on wrong ones; return the folder of the benchmark."""
    manifest, raw, cache, out = cohort.manifest, cohort.raw, cohort.cache, work / "run"
    protocol = work / "protocol.yaml"
    arms = [{"model": "null", "modalities": "none"}, {"model": "ridge_cox", "modalities": "each"}]
    protocol.write_text(yaml.safe_dump({**PROTOCOL, "arms": arms}), encoding="utf-8")
    wrong = _spoil_tables(work, manifest, planted, quick=quick)
    extract = ("--root", raw, "--cache", cache)
    fuse = ("--cache", cache, "--protocol", protocol, "--jobs", 1, "--out")
    talkative: list[tuple[object, ...]] = [
        ("extract", "check", manifest, "--root", raw),
        ("extract", "run", manifest, *extract, "--workers", 1 if quick else 2),
        ("fuse", "benchmark", manifest, *fuse, out),
        ("extract", "check", wrong, "--root", raw),
        ("fuse", "check", wrong, "--cache", cache),
    ]
    others: list[tuple[object, ...]] = [
        ("extract", "scan", "folder", raw, "--cohort", "drafted", "--manifests", work / "drafted"),
        ("extract", "check", manifest, "--root", raw, "--json"),
        ("extract", "plan", manifest, *extract),
        ("extract", "status", cache),
        ("extract", "verify", cache),
        ("fuse", "check", manifest, "--cache", cache),
        ("fuse", "report", out),
        ("fuse", "rerun", out, "--jobs", 1),
        ("extract", "plan", wrong, *extract),
        ("extract", "run", wrong, *extract),
        ("fuse", "benchmark", wrong, *fuse, work / "never"),
    ]
    for words in talkative if quick else [*talkative, *others]:
        planted.hear(run(*words))
    return out


def _spoil_tables(work: Path, manifest: Path, planted: _Canaries, *, quick: bool) -> Path:
    """Copy the manifest and put a canary into a cell of each table where something else belongs."""
    wrong = work / "wrong"
    shutil.copytree(manifest, wrong)
    measured = [("plain01", "psa", "-30", "5.5", "ng/mL")] * 3
    write_table(wrong / "measurements.csv", "case_id,variable,day,value,unit", measured)
    folds = [
        (0, fold, f"plain{n:02d}", "test" if n % 2 == fold else "train")
        for fold in (0, 1)
        for n in range(PLAIN)
    ]
    write_table(wrong / "folds.csv", "repeat,fold,case_id,part", folds)
    for number, (table, column) in enumerate((*WRONG_CELLS[: FEW_CELLS if quick else None], *WRONG_FOR_FUSE)):
        path = wrong / f"{table}.csv"
        with path.open(newline="", encoding="utf-8") as stream:
            header, *rows = csv.reader(stream)
        rows[number % len(rows)][header.index(column)] = planted.new(f"a wrong {column} of {table}.csv")
        write_table(path, ",".join(header), rows)
    return wrong


def _bytes_of(paths: list[Path]) -> bytes:
    """Return names and contents of files, in lower case."""
    parts = [path.name.encode() + b"\n" + (path.read_bytes() if path.is_file() else b"") for path in paths]
    return b"\n".join(parts).lower()


def _arrays(root: Path) -> bytes:
    """Return the bytes of every array of every entry, in lower case."""
    cache = FeatureCache.open(root)
    read = (cache.read(record.key) for record in cache.records())
    return b"\n".join(array.tobytes() for entry in read for array in entry.arrays.values()).lower()


def _holds(content: bytes, token: str) -> bool:
    """Whether the token stands there, as UTF-8 or as UTF-16."""
    small = token.lower()
    return small.encode() in content or small.encode("utf-16-le") in content
