"""SIGKILL `extract run` at random moments, look at what is left, run it again, compare with a quiet run.

Enters: a work folder, workers, how many kills, a seed. Leaves: measured rows. SIGKILL keeps the page cache:
this tests the logic of the commit protocol, not a power cut.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from feature_cache.store import FeatureCache
from tests.measurement import ROOT, Measured

CASES = 6


def kill_extract(work: Path, workers: int, kills: int, seed: int) -> list[Measured]:
    """Kill, look, rerun, compare. Odd kills take the whole process group, even ones the parent alone."""
    work.mkdir()
    raw, manifest = _cohort(work, seed)
    quiet = work / "quiet"
    started = time.monotonic()
    assert _start(manifest, raw, quiet, workers).wait() == 0
    whole_s = time.monotonic() - started
    expected = _fingerprint(quiet)
    moments = random.Random(f"{seed}/{workers}")
    wrong = different = landed = 0
    number = 0
    while landed < kills:
        number += 1
        cache = work / "killed"
        process = _start(manifest, raw, cache, workers)
        time.sleep(moments.uniform(0, whole_s))
        landed += process.poll() is None
        if number % 2:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()
        wrong += _damaged(cache)
        assert _start(manifest, raw, cache, workers).wait() == 0
        _end_orphans(process.pid)
        wrong += _damaged(cache)
        different += _fingerprint(cache) != expected
        shutil.rmtree(cache)
    what = f"{CASES} synthetic cases, seed {seed}"
    source = f"{landed} kills of live runs of {whole_s:.1f} s; {what}"
    name = f"cache/kill_extract_{workers}_workers"
    return [
        Measured(
            name=f"{name}_wrong_entries", value=wrong, unit="entries", bar="0", met=wrong == 0, input=source
        ),
        Measured(
            name=f"{name}_caches_that_differ",
            value=different,
            unit="caches",
            bar="0 (byte for byte)",
            met=different == 0,
            input=source,
        ),
    ]


def _cohort(work: Path, seed: int) -> tuple[Path, Path]:
    raw, manifests = work / "raw", work / "manifests"
    verbs = (
        ("synthetic", str(raw), "--layout", "chimera", "--cases", str(CASES), "--seed", str(seed)),
        ("scan", "chimera", str(raw), "--cohort", "trial", "--manifests", str(manifests)),
    )
    for verb in verbs:
        subprocess.run(
            [sys.executable, "-m", "extract", *verb], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
        )
    return raw, manifests / "trial"


def _start(manifest: Path, raw: Path, cache: Path, workers: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "extract", "run", str(manifest), "--root", str(raw)]
    command += ["--cache", str(cache), "--workers", str(workers)]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, cwd=ROOT, stdout=quiet, stderr=quiet, start_new_session=True)


def _end_orphans(group: int) -> None:
    """End workers that outlived their killed parent before the caches are compared."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def _damaged(cache: Path) -> int:
    if not cache.is_dir():
        return 0
    return sum(not check.ok for check in FeatureCache.open(cache).verify())


def _fingerprint(cache: Path) -> str:
    """Hash names and bytes of everything outside the `_*` folders."""
    digest = hashlib.sha256()
    for path in sorted(cache.rglob("*")):
        relative = path.relative_to(cache)
        if path.is_file() and not relative.parts[0].startswith("_"):
            digest.update(f"{relative}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return digest.hexdigest()
