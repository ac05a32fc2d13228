"""S2: names and paths that lead elsewhere: nothing is read outside the root or written outside the cache.

Enters: a work folder, how many, a seed. Leaves: measured rows. Ids are used as they are, so a hostile id
gives an entry under an encoded name; a hostile path is refused. What lies beside root and cache is compared
with what lay there before, and the processes say themselves what they touched.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import yaml

from tests.measurement import Measured
from tests.trials.hostile_cohort import HostileCohort
from tests.trials.small_cohort import slide_pixels, write_slide, write_study
from tests.trials.traversal_names import IDS, LINKS, paths_from
from tests.trials.tree_snapshot import forget_readings, notes_readings, readings, snapshot
from tests.trials.trial import Counts, Tally, told
from tests.trials.watched_command import Watched, watch
from tests.trials.witnessed import Witness, compiled_loops

SECRET = "metastasis of the sacrum"
#: A path and an id with a NUL, each in a manifest of its own: a table that holds one is refused as a whole.
NULS = 2
#: How many of the ids are forgotten again, by name.
FORGOTTEN = 2


def traversals(work: Path, counts: Counts, seed: int) -> list[Measured]:
    """Try `counts.runs` names: a half as paths and links, a third as ids, the others as names or with NUL."""
    tally = Tally("cache/traversal_", f"S2: {counts.runs} paths, links, ids and names; seed {seed}")
    box = work / "box"
    cohort = HostileCohort(box, seed)
    outside = _make_outside(box)
    noted = notes_readings(work)
    paths = _plant_paths(cohort, box, (counts.runs + 1) // 2)
    ids = IDS[: max(1, counts.runs // 3)]
    for case in ids:
        cohort.tables["cases"].append((case, "A"))
        cohort.tables["notes"].append((case, case, cohort.tables["notes"][0][2], "", ""))
    cohort.save()
    forget_readings(outside)
    before = _others(box)
    forget_readings(outside)  # to look is to read
    witness = Witness(work / "witness", box)
    with told("S2: traversals", counts.runs) as advance:
        checked, ran = cohort.check(witness.environment), cohort.run(environment=witness.environment)
        for case, what in paths.items():
            said = ran.failed.get(case, "")
            tally.count("paths_not_refused", not said or bool(ran.committed.get(case)), f"{what}: {said!r}")
            tally.count("paths_missed_by_check", "error" not in checked.said.get(case, ""), what)
            advance()
        for case in ids:
            tally.count("ids_lost", ran.committed.get(case) != {"notes"}, f"{case!r}: {ran.failed.get(case)}")
            advance()
        tally.count("good_case_lost", not ran.good_is_whole, ran.command.said[-400:])
        commands = [checked.command, ran.command]
        for name, words in _with_nul(cohort):
            commands.append(watch(*words, environment=witness.environment))
            said = commands[-1].said
            refused = commands[-1].status == 1 and "NUL" in said and "Traceback" not in said
            tally.count("nul_not_refused", not refused, f"{name}: {said[-400:]}")
            advance()
        for name, words in _names(cohort, counts.runs - len(paths) - len(ids) - NULS):
            commands.append(watch(*words, environment=witness.environment))
            tally.count(
                "names_end_in_traceback", "Traceback" in commands[-1].said, f"{name!r}: {commands[-1].said}"
            )
            advance()
        for case in ids[:FORGOTTEN]:
            done = watch("extract", "forget", cohort.cache, "--", case, environment=witness.environment)
            commands.append(done)
            tally.count("ids_not_forgotten", done.status != 0, f"{case!r}: {done.said[-300:]}")
        commands.append(watch("extract", "verify", cohort.cache, environment=witness.environment))
        tally.count("cache_does_not_verify", commands[-1].status != 0, commands[-1].said[-300:])
    _judge(box, before, (witness, commands, noted), tally)
    return tally.rows()


def _judge(
    box: Path,
    before: dict[str, object],
    seen: tuple[Witness, list[Watched], bool],
    tally: Tally,
) -> None:
    witness, commands, noted = seen
    natively = readings(box / "outside")
    after = _others(box)
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    tally.count("changed_outside", bool(changed), f"{changed}")
    events = witness.events()
    allowed = (box / "cache", witness.scratch, compiled_loops(), Path(os.devnull))
    strays = {
        event.told
        for event in events
        if event.kind == "write" and not any(Path(event.told).is_relative_to(place) for place in allowed)
    }
    tally.count("written_outside", bool(strays), f"{sorted(strays)[:3]}")
    beside = (box / "outside", box / "raw-beside")
    read = {
        event.told
        for event in events
        if event.kind == "read" and any(Path(event.told).is_relative_to(place) for place in beside)
    }
    tally.count("read_outside", bool(read), f"{sorted(read)[:3]}")
    if noted:
        tally.count("read_outside_by_native_code", bool(natively), f"{natively}")
    saw = {Path(event.told).name for event in events if event.kind == "read"}
    tally.count("witness_was_blind", "cases.csv" not in saw, f"{len(events)} events")
    quoted = [command.said[-200:] for command in commands if SECRET in command.said]
    tally.count("secret_told", bool(quoted), f"{quoted}")
    tally.count("tracebacks", any("Traceback" in one.said for one in commands[:2]), commands[1].said[-600:])


def _make_outside(box: Path) -> Path:
    """Make a folder beside the root with files of every kind, and one whose name begins like the root's."""
    outside = box / "outside"
    for place in (outside, box / "raw-beside"):
        place.mkdir()
        (place / "secret.txt").write_text(f"The patient has a {SECRET}.", encoding="utf-8")
    write_study(outside, np.random.default_rng(0))
    (outside / "t2w.mha").rename(outside / "secret.mha")
    write_slide(outside / "secret.tif", slide_pixels(np.random.default_rng(1)))
    return outside


def _plant_paths(cohort: HostileCohort, box: Path, count: int) -> dict[str, str]:
    """List hostile paths as slides, masks, series, notes and tables in turn; return case -> what it is."""
    for name, target in LINKS.items():
        link = cohort.file(name)
        link.symlink_to(target.format(box=box))
    os.mkfifo(cohort.file("pipe.txt"))
    planted = {}
    good_slide, good_series = str(cohort.tables["slides"][0][2]), str(cohort.tables["series"][0][5])
    cohort.card["note_key"] = "case_id"
    adders: tuple[tuple[str, Callable[[str, str], None]], ...] = (
        ("note .txt", cohort.add_note),
        ("slide .tif", lambda case, path: cohort.add_slide(case, path, mpp=0.5)),
        ("series .mha", lambda case, path: cohort.add_study(case, {"t2w": path})),
        ("tissue mask .tif", lambda case, path: cohort.add_slide(case, good_slide, path)),
        ("mask .mha", lambda case, path: cohort.add_study(case, {"t2w": good_series}, path)),
        ("table of notes .txt", lambda case, path: cohort.add_note(case, path, "text")),
    )
    candidates = paths_from(box)
    for number in range(count):
        kind, add = adders[number % len(adders)]
        path = candidates[number % len(candidates)].replace("{end}", kind.rpartition(" ")[2])
        case = f"path{number:02d}"
        add(case, path)
        planted[case] = f"{kind}: {path[:80]!r}"
    return planted


def _names(cohort: HostileCohort, count: int) -> Iterator[tuple[str, tuple[object, ...]]]:
    """Give a cohort and a recipe a hostile name, and extract the clinical values under it."""
    for number in range(count):
        name = IDS[number % len(IDS)]
        folder = cohort.manifest.with_name(f"named-{number}")
        folder.mkdir()
        for path in cohort.manifest.glob("c*.csv"):
            (folder / path.name).write_bytes(path.read_bytes())
        (folder / "cohort.yaml").write_text(yaml.safe_dump({**cohort.card, "name": name}), encoding="utf-8")
        recipe = folder / "recipe.yaml"
        recipe.write_text(yaml.safe_dump({"name": name, "clinical": {"encoder": "values"}}), encoding="utf-8")
        words = ("extract", "run", folder, "--root", cohort.raw, "--cache", cohort.cache, "--recipe", recipe)
        yield name, words


def _with_nul(cohort: HostileCohort) -> Iterator[tuple[str, tuple[object, ...]]]:
    """Put a NUL into a path and into an id, and run on that."""
    for table in ("notes", "cases"):
        folder = cohort.manifest.with_name(f"named-nul-{table}")
        shutil.copytree(cohort.manifest, folder)
        path = folder / f"{table}.csv"
        path.write_bytes(path.read_bytes().replace(b"c000", b"c0\x0000"))
        words = ("extract", "run", folder, "--root", cohort.raw, "--cache", cohort.cache)
        yield f"a NUL in {table}.csv", words


def _others(box: Path) -> dict[str, object]:
    """Return what lies in the box outside the cache and the manifests."""
    ours = ("cache", "manifest", "named-")
    return {name: about for name, about in snapshot(box).items() if name != "." and not name.startswith(ours)}
