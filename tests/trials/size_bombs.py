"""B2: what would fill the memory is refused before it is allocated: raw files, tables, recipes, entries.

Enters: a work folder, how many bombs, a seed. Leaves: measured rows: what was not refused by name, and the
largest peak of memory of any command. Every bomb would take three gigabytes at least. A bomb that only the
cap on a child's memory ends was allocated, and counts as missed.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from feature_cache.canonical import sha256_of_file
from feature_cache.entry_json import SEAL, seal_document
from feature_cache.names import entry_path
from feature_cache.store import FeatureCache
from tests.measurement import Measured
from tests.trials.bomb_files import LARGE, hole
from tests.trials.bombs import RAW_BOMBS
from tests.trials.drafts import make_draft
from tests.trials.fused_cohort import unsynced_tiny
from tests.trials.hostile_cohort import HostileCohort
from tests.trials.small_cohort import write_small
from tests.trials.trial import Counts, Tally, told
from tests.trials.watched_command import Watched, watch

MOST_GB = 1.0
#: How a child's end reads in failures.csv: it was ended for what it held, so it held it.
ENDED = re.compile(r"MemoryError|Unable to allocate|worker process|signal|exit status", re.IGNORECASE)
#: Words of a command that meets a bomb, made from a folder of its own.
Command = Callable[[Path, int], tuple[tuple[object, ...], str]]


def size_bombs(work: Path, counts: Counts, seed: int) -> list[Measured]:
    """Set off `counts.runs` bombs: first those among raw files, all in one cohort, then the others."""
    raw = RAW_BOMBS[: max(1, counts.runs * len(RAW_BOMBS) // (len(RAW_BOMBS) + len(COMMANDS)))]
    others = COMMANDS[: counts.runs - len(raw)]
    tally = Tally(
        "cache/size_bomb_", f"B2: {len(raw) + len(others)} of {LARGE / 1e9:.1f} GB and more; seed {seed}"
    )
    peaks = []
    with told("B2: bombs", len(raw) + len(others)) as advance:
        peaks += _raw(work / "cohort", raw, seed, tally)
        for _ in raw:
            advance()
        for command in others:
            words, named = command(work / command.__name__, seed)
            watched = watch(*words)
            _judge(command.__name__, watched, named, tally)
            peaks.append(watched.peak_bytes)
            shutil.rmtree(work / command.__name__)
            advance()
    peak_gb = max(peaks) / 1e9
    return [
        *tally.rows(),
        Measured(
            name="cache/size_bomb_peak",
            value=peak_gb,
            unit="GB",
            bar=f"<= {MOST_GB:g}",
            met=peak_gb <= MOST_GB,
            input=tally.source,
        ),
    ]


def _raw(
    folder: Path, bombs: tuple[Callable[[HostileCohort, str], None], ...], seed: int, tally: Tally
) -> list[int]:
    cohort = HostileCohort(folder, seed)
    names = {f"bomb{number:02d}": bomb.__name__ for number, bomb in enumerate(bombs)}
    for case, bomb in zip(names, bombs, strict=True):
        bomb(cohort, case)
    cohort.save()
    checked, ran = cohort.check(), cohort.run()
    for case, name in names.items():
        said = ran.failed.get(case, "")
        tally.count("not_refused", not said or bool(ran.committed.get(case)), f"{name}: {said!r}")
        tally.count("ended_by_the_cap_alone", bool(ENDED.search(said)), f"{name}: {said}")
    tally.count("good_case_lost", not ran.good_is_whole, ran.command.said[-500:])
    tally.count(
        "tracebacks", "Traceback" in checked.command.said + ran.command.said, checked.command.said[-900:]
    )
    if max(checked.command.peak_bytes, ran.command.peak_bytes) > MOST_GB * 1e9:
        _name_the_largest(folder.with_name("alone"), bombs, seed)
    shutil.rmtree(folder)
    return [checked.command.peak_bytes, ran.command.peak_bytes]


def _name_the_largest(
    folder: Path, bombs: tuple[Callable[[HostileCohort, str], None], ...], seed: int
) -> None:
    """Set off each bomb alone and say on stderr which takes the memory."""
    tally = Tally("cache/size_bomb_", "")
    for bomb in bombs:
        cohort = HostileCohort(folder / bomb.__name__, seed)
        bomb(cohort, "bomb")
        cohort.save()
        for verb, command in (("check", cohort.check().command), ("run", cohort.run(1).command)):
            peak = command.peak_bytes / 1e9
            tally.count(f"peak_in_{verb}", peak > MOST_GB, f"{bomb.__name__}: {peak:.2f} GB")
        shutil.rmtree(folder / bomb.__name__)


def _judge(name: str, watched: Watched, named: str, tally: Tally) -> None:
    """A refusal is exit 1, and one line that names the file and no traceback."""
    said = watched.said
    tally.count(
        "not_refused", watched.status != 1 or named not in said, f"{name}: {watched.status}: {said[-500:]}"
    )
    tally.count("tracebacks", "Traceback" in said, f"{name}: {said[-500:]}")
    tally.count(
        "peak_of_command", watched.peak_bytes > MOST_GB * 1e9, f"{name}: {watched.peak_bytes / 1e9:.2f} GB"
    )


def _in_manifest(name: str) -> Command:
    def command(folder: Path, seed: int) -> tuple[tuple[object, ...], str]:
        cohort = write_small(folder, 1, seed)
        hole(cohort.manifest / name)
        return ("extract", "check", cohort.manifest, "--root", cohort.raw), name

    command.__name__ = f"manifest_{name}"
    return command


def _in_outcomes(name: str) -> Command:
    def command(folder: Path, seed: int) -> tuple[tuple[object, ...], str]:
        del seed
        tiny = unsynced_tiny(folder)
        hole(tiny.cohort / name)
        return ("fuse", "check", tiny.cohort, "--cache", tiny.cache), name

    command.__name__ = f"fuse_{name}"
    return command


def recipe(folder: Path, seed: int) -> tuple[tuple[object, ...], str]:
    """A recipe file of gigabytes."""
    cohort = write_small(folder, 1, seed)
    hole(folder / "recipe.yaml")
    words = ("extract", "plan", cohort.manifest, "--root", cohort.raw, "--cache", folder / "cache")
    return (*words, "--recipe", folder / "recipe.yaml"), "recipe.yaml"


def cases_file(folder: Path, seed: int) -> tuple[tuple[object, ...], str]:
    """A list of cases of gigabytes."""
    cohort = write_small(folder, 1, seed)
    hole(folder / "cases.txt")
    words = ("extract", "plan", cohort.manifest, "--root", cohort.raw, "--cache", folder / "cache")
    return (*words, "--cases", folder / "cases.txt"), "cases.txt"


def entry_record(folder: Path, seed: int) -> tuple[tuple[object, ...], str]:
    """An entry.json of gigabytes."""
    del seed
    place = _cache_with_bag(folder, "zarr")
    hole(place / "entry.json")
    return ("extract", "verify", folder), "entry.json"


def entry_zarr(folder: Path, seed: int) -> tuple[tuple[object, ...], str]:
    """A sealed entry whose record and Zarr metadata agree on gigabytes that are not there."""
    del seed
    place = _cache_with_bag(folder, "zarr")
    metadata = place / "arrays.zarr" / "embeddings" / "zarr.json"
    document = json.loads(metadata.read_bytes())
    document["shape"] = [_rows(), 12]
    metadata.write_text(json.dumps(document), encoding="utf-8")
    _claim(place, metadata)
    return ("extract", "verify", folder), "embeddings"


def entry_hdf5(folder: Path, seed: int) -> tuple[tuple[object, ...], str]:
    """The same in HDF5."""
    import h5py

    del seed
    place = _cache_with_bag(folder, "hdf5")
    path = place / "arrays.h5"
    with h5py.File(path, "a") as file:
        del file["embeddings"]
        file.create_dataset(
            "embeddings", shape=(_rows(), 12), dtype="<f4", chunks=(1024, 12), fletcher32=True
        )
    _claim(place, path)
    return ("extract", "verify", folder), "embeddings"


COMMANDS: tuple[Command, ...] = (
    _in_manifest("cases.csv"),
    entry_zarr,
    recipe,
    entry_record,
    _in_outcomes("outcomes.csv"),
    entry_hdf5,
    _in_manifest("cohort.yaml"),
    _in_manifest("clinical.csv"),
    cases_file,
    _in_outcomes("folds.csv"),
)


def _cache_with_bag(folder: Path, form: str) -> Path:
    draft = make_draft("bag", "a", "bomb")
    FeatureCache.create(folder, form).commit(draft)
    return folder / entry_path(draft.key)


def _rows() -> int:
    return LARGE // (12 * 4)


def _claim(place: Path, changed: Path) -> None:
    """Let entry.json say what the changed file says, and seal it, as somebody would who knows how."""
    record = place / "entry.json"
    body = {name: value for name, value in json.loads(record.read_bytes()).items() if name != SEAL}
    body["arrays"]["embeddings"]["shape"] = [_rows(), 12]
    name = changed.relative_to(place).as_posix()
    body["files"][name] = {"bytes": changed.stat().st_size, "sha256": sha256_of_file(changed)}
    record.write_bytes(seal_document(body))
