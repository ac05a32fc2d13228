"""R9: files and entries cut, deleted, swapped, doubled: found and named by `verify`, and on reading.

Enters: a work folder, how many, a seed. Leaves: measured rows. An entry that is gone as a whole is no damage
that a cache could know of: it must not be read, and the next run must make it again.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

from feature_cache.entry import EntryDraft
from tests.measurement import Measured
from tests.trials.spoiled_cache import DRAFTS, SpoiledCache, make_spoilable
from tests.trials.trial import Counts, Tally, told

#: Spoils something and returns the entries that are wrong now.
Break = Callable[[SpoiledCache, random.Random], list[EntryDraft]]


def broken_entries(work: Path, counts: Counts, seed: int) -> list[Measured]:
    """Break `counts.runs` times, each put back afterwards."""
    caches = sorted(make_spoilable(work).items())
    generator = random.Random(seed)
    tally = Tally("cache/broken_entry_", f"R9: {counts.runs} over {len(BREAKS)} kinds of damage; seed {seed}")
    with told("R9: broken entries", counts.runs) as advance:
        for number in range(counts.runs):
            form, spoiled = caches[number // len(BREAKS) % len(caches)]
            break_it = BREAKS[number % len(BREAKS)]
            what = f"{break_it.__name__.strip('_')}, {form}, number {number}"
            wrong = break_it(spoiled, generator)
            if break_it is _delete_entry:
                spoiled.judge_absent(wrong[0], what, tally)
            else:
                spoiled.judge(wrong, what, tally)
            spoiled.mend()
            advance()
    return tally.rows()


def _cut(spoiled: SpoiledCache, generator: random.Random) -> list[EntryDraft]:
    draft, path = _any_file(spoiled, generator)
    whole = path.read_bytes()
    path.write_bytes(whole[: generator.randrange(len(whole))])
    return [draft]


def _lengthen(spoiled: SpoiledCache, generator: random.Random) -> list[EntryDraft]:
    draft, path = _any_file(spoiled, generator)
    path.write_bytes(path.read_bytes() + bytes(generator.randrange(1, 9)))
    return [draft]


def _delete_file(spoiled: SpoiledCache, generator: random.Random) -> list[EntryDraft]:
    draft, path = _any_file(spoiled, generator)
    path.unlink()
    return [draft]


def _delete_record(spoiled: SpoiledCache, generator: random.Random) -> list[EntryDraft]:
    draft = generator.choice(DRAFTS)
    (spoiled.folder(draft) / "entry.json").unlink()
    return [draft]


def _delete_entry(spoiled: SpoiledCache, generator: random.Random) -> list[EntryDraft]:
    draft = generator.choice(DRAFTS)
    shutil.rmtree(spoiled.folder(draft))
    return [draft]


def _empty_folder(spoiled: SpoiledCache, generator: random.Random) -> list[EntryDraft]:
    draft = generator.choice(DRAFTS)
    shutil.rmtree(spoiled.folder(draft))
    spoiled.folder(draft).mkdir()
    return [draft]


def _add_file(spoiled: SpoiledCache, generator: random.Random) -> list[EntryDraft]:
    draft, path = _any_file(spoiled, generator)
    path.with_name("one-more").write_bytes(b"x")
    return [draft]


def _link_file(spoiled: SpoiledCache, generator: random.Random) -> list[EntryDraft]:
    """The same bytes behind a link are not the file that was committed."""
    draft, path = _any_file(spoiled, generator)
    elsewhere = spoiled.sound / path.relative_to(spoiled.root)
    path.unlink()
    path.symlink_to(elsewhere)
    return [draft]


def _swap_in_entry(spoiled: SpoiledCache, generator: random.Random) -> list[EntryDraft]:
    draft = generator.choice(DRAFTS)
    files = sorted(path for path in spoiled.folder(draft).rglob("*") if path.is_file())
    if len(files) < 2:  # a vector is one file
        return _swap_records(spoiled, generator)
    first, second = generator.sample(files, 2)
    _swap(first, second)
    return [draft]


def _swap_records(spoiled: SpoiledCache, generator: random.Random) -> list[EntryDraft]:
    pair = generator.sample(DRAFTS, 2)
    _swap(*(spoiled.folder(draft) / "entry.json" for draft in pair))
    return pair


def _swap_files(spoiled: SpoiledCache, generator: random.Random) -> list[EntryDraft]:
    """The file of the same name of two entries of one kind, where the two differ."""
    pair = generator.choice([[a, b] for a in DRAFTS for b in DRAFTS if a.kind == b.kind and a.key < b.key])
    first, second = (spoiled.folder(draft) for draft in pair)
    names = [path.relative_to(first) for path in sorted(first.rglob("*")) if path.is_file()]
    differing = [name for name in names if (first / name).read_bytes() != (second / name).read_bytes()]
    name = generator.choice(differing)
    _swap(first / name, second / name)
    return pair


def _swap_entries(spoiled: SpoiledCache, generator: random.Random) -> list[EntryDraft]:
    pair = generator.sample(DRAFTS, 2)
    _swap(*(spoiled.folder(draft) for draft in pair))
    return pair


def _copy_over(spoiled: SpoiledCache, generator: random.Random) -> list[EntryDraft]:
    kept, lost = generator.sample(DRAFTS, 2)
    shutil.rmtree(spoiled.folder(lost))
    shutil.copytree(spoiled.folder(kept), spoiled.folder(lost))
    return [lost]


BREAKS: tuple[Break, ...] = (
    _cut,
    _delete_file,
    _swap_entries,
    _lengthen,
    _delete_record,
    _swap_files,
    _empty_folder,
    _swap_records,
    _delete_entry,
    _swap_in_entry,
    _add_file,
    _copy_over,
    _link_file,
)


def _any_file(spoiled: SpoiledCache, generator: random.Random) -> tuple[EntryDraft, Path]:
    draft = generator.choice(DRAFTS)
    files = sorted(path for path in spoiled.folder(draft).rglob("*") if path.is_file())
    return draft, generator.choice(files)


def _swap(first: Path, second: Path) -> None:
    aside = first.with_name("aside-for-a-swap")
    first.rename(aside)
    second.rename(first)
    aside.rename(second)
