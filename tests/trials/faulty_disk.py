"""R6 and R7: the disk is full, fails, or refuses: a clear error, a cache that verifies, nothing half there.

Enters: a work folder, how many faults, a seed. Leaves: measured rows. Faults are injected at every step of a
commit, one after the other, in both forms; a real disk that is too small stands in `full_disk.py`.
"""

from __future__ import annotations

import errno
import random
import shutil
from pathlib import Path

from feature_cache.array_format import FORMAT_NAMES, FormatName
from feature_cache.errors import BraidError, CacheError, DamagedEntryError, SourceError
from feature_cache.store import FeatureCache
from tests.measurement import Measured
from tests.trials.cache_state import damaged, fingerprint, left_over
from tests.trials.disk_faults import READS, REMOVALS, WRITES, Fault, failing_disk
from tests.trials.drafts import make_draft
from tests.trials.full_disk import fill_small_disks
from tests.trials.trial import Counts, Tally, told

REFUSALS = (errno.EIO, errno.EACCES, errno.EROFS)
#: What is there before, and what is then committed: new, another version, and inline.
BEFORE = (make_draft("bag", "a", "kept"), make_draft("bag", "b", "changed"))
COMMITTED = (
    make_draft("vector", "a", "clinical"),
    make_draft("bag", "b", "changed", version=1),
    make_draft("note", "a", "letter"),
)


def full_disk(work: Path, counts: Counts, seed: int) -> list[Measured]:
    """R6: ENOSPC from each of the first `counts.runs` steps on, and `counts.each` real disks too small."""
    tally = Tally("cache/full_disk_", f"R6: no space from step 1 to {counts.runs} on; seed {seed}")
    with told("R6: full disks", counts.runs) as advance:
        for step in range(1, counts.runs + 1):
            for form in FORMAT_NAMES:
                fault = Fault(at=step, code=errno.ENOSPC, lasts=True)
                _commit_on(work / f"{form}-{step}", form, fault, tally)
            advance()
    return tally.rows() + fill_small_disks(work / "disks", counts.each, seed)


def failing_disks(work: Path, counts: Counts, seed: int) -> list[Measured]:
    """R7: EIO, EACCES and EROFS at random steps of commits and of reads, `counts.runs` in all."""
    generator = random.Random(seed)
    tally = Tally("cache/failing_disk_", f"R7: {counts.runs} faults at random steps; seed {seed}")
    steps = {form: _count_steps(work / f"count-{form}", form) for form in FORMAT_NAMES}
    with told("R7: failing disks", counts.runs) as advance:
        for number in range(counts.runs):
            form = FORMAT_NAMES[number % 2]
            code = REFUSALS[number % len(REFUSALS)]
            place = work / f"{form}-{number}"
            if number % 5 == 4:
                _read_on(place, form, Fault(at=generator.randint(1, 4), code=code, kinds=READS), tally)
            else:
                # a disk that became read-only stays so, and takes no removal either
                forever = code == errno.EROFS
                at = generator.randint(1, steps[form])
                also = REMOVALS if forever else ()
                _commit_on(place, form, Fault(at=at, code=code, lasts=forever, also=also), tally)
            advance()
    return tally.rows()


def _commit_on(root: Path, form: FormatName, fault: Fault, tally: Tally) -> None:
    """Commit on a failing disk, look, then commit again on a sound one and compare with a quiet cache."""
    cache = _begin(root / "cache", form)
    quiet = _begin(root / "quiet", form)
    what = f"{form}, step {fault.at}, {errno.errorcode[fault.code]}"
    unclear: list[str] = []
    promised = []
    with failing_disk(cache.root, fault):
        for draft in COMMITTED:
            try:
                cache.commit(draft)
                promised.append(draft)
            except DamagedEntryError as error:
                unclear.append(f"{type(error).__name__}: {error}")
            except CacheError as error:
                if str(draft.key) not in str(error):
                    unclear.append(str(error))
            except OSError as error:
                unclear.append(f"{type(error).__name__}: {error}")
    tally.count("faults_that_did_not_strike", not fault.struck, what)
    tally.count("unclear_errors", bool(unclear), f"{what}: {unclear[:1]}")
    lost = [str(draft.key) for draft in promised if not cache.is_done(draft.key, draft.sources)]
    tally.count("lost_without_an_error", bool(lost), f"{what}: {lost}")
    found = damaged(cache.root)
    tally.count("wrong_entries", bool(found), f"{what}: {found[:1]}")
    if not fault.also:
        tally.count("halves_left_behind", left_over(cache.root) > 0, what)
    for draft in COMMITTED:
        quiet.commit(draft)
        cache.commit(draft)
    tally.count("caches_that_differ", fingerprint(cache.root) != fingerprint(quiet.root), what)
    cache.gc(older_than_s=0)
    tally.count("halves_that_gc_leaves", left_over(cache.root) > 0, what)
    shutil.rmtree(root)


def _read_on(root: Path, form: FormatName, fault: Fault, tally: Tally) -> None:
    """Read an entry and a raw file on a failing disk: the error names what could not be read."""
    cache = _begin(root / "cache", form)
    key = BEFORE[0].key
    what = f"reading {form}, step {fault.at}, {errno.errorcode[fault.code]}"
    raw = cache.root / "raw-file"
    raw.write_bytes(b"pixels")
    for name, read in (("kept", lambda: cache.read(key)), (raw.name, lambda: cache.hash_file(raw))):
        once = Fault(at=fault.at if name == "kept" else 1, code=fault.code, kinds=READS)
        said = ""
        with failing_disk(cache.root, once):
            try:
                read()
            except (DamagedEntryError, SourceError) as error:
                said = str(error)
            except (OSError, BraidError) as error:
                tally.count("unclear_errors", True, f"{what}: {type(error).__name__}: {error}")
                continue
        tally.count("faults_that_did_not_strike", not once.struck, what)
        tally.count("unclear_errors", name not in said, f"{what}: {said!r}")
    raw.unlink()
    found = damaged(cache.root)
    tally.count("wrong_entries", bool(found), f"{what}: {found[:1]}")
    shutil.rmtree(root)


def _count_steps(root: Path, form: FormatName) -> int:
    cache = _begin(root, form)
    with failing_disk(cache.root, Fault(at=0, code=errno.EIO, kinds=WRITES)) as fault:
        for draft in COMMITTED:
            cache.commit(draft)
    return fault.steps


def _begin(root: Path, form: FormatName) -> FeatureCache:
    cache = FeatureCache.create(root, form)
    for draft in BEFORE:
        cache.commit(draft)
    return cache
