"""S7: every verb of both stages, watched: no socket leaves this machine.

Enters: a work folder, how many verbs (the first so many), a seed. Leaves: measured rows, and in words what
there was on the loopback. The processes are watched from within (Python's audit events); where `counts.each`
is 2 also from without by strace, if it is installed and allowed, which sees native code too.
"""

from __future__ import annotations

import ipaddress
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from extract.__main__ import app as extract_app
from fuse.__main__ import app as fuse_app
from tests.fuse.tiny_cohort import Tiny
from tests.fuse.tiny_moments import write_moments
from tests.measurement import ROOT, Measured
from tests.trials.commands import ENVIRONMENT, PATIENCE_S
from tests.trials.fused_cohort import unsynced_tiny
from tests.trials.small_cohort import CARD, SmallCohort, write_small
from tests.trials.trial import Counts, Tally, told
from tests.trials.witnessed import Event, Witness

#: A program that connects a datagram socket, which sends nothing, to an address reserved for documentation.
NOBODY = "192.0.2.1"
CONTROL = ("timeit", "-n1", "-r1", f"import socket; socket.socket(type=2).connect(('{NOBODY}', 9))")
#: Settings of the smallest segmenter.
FIT = "{network: {widths: [8, 8, 8], blocks: 1}, epochs: 1, folds: 2, patience: null}\n"
#: Stands for the name of a feature set in words that are written before it is made.
BAGS = object()
REACHING = ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind")
ASKING = ("socket.getaddrinfo", "socket.gethostbyname")
#: A call in strace's words: connect(3, {sa_family=AF_INET, ..., sin_addr=inet_addr("1.2.3.4")}, 16) = 0
_TRACED = re.compile(
    r"\b(connect|sendto|sendmsg|bind)\(\d+, .*?(?:inet_addr\(|inet_pton\(AF_INET6, )\"([^\"]+)\""
)
_QUOTED = re.compile(r"'([^']*)'")


def sockets(work: Path, counts: Counts, seed: int) -> list[Measured]:
    """Say `counts.runs` verbs and look at every socket."""
    tally = Tally("cache/socket_", "")
    words = _all_verbs(work)
    unsaid = {f"{stage} {verb}" for stage, verb in _verbs()} - {f"{w[0]} {w[1]}" for w in words}
    tally.count("verbs_not_watched", bool(unsaid), f"{sorted(unsaid)}")
    witness = Witness(work / "witness", work)
    traced = counts.each > 1 and _may_trace(work)
    _, trace = _say(CONTROL, work, witness, traced=traced)
    for name, seen in (("witness", _reached(witness.events())), ("strace", _TRACED.findall(trace))):
        blind = all(_is_local(address) for _, address in seen)
        tally.count("control_not_seen", blind and (traced or name != "strace"), f"{name}: {seen}")
    local: Counter[str] = Counter()
    chosen = words[: counts.runs]
    _make_cohorts(work, seed, chosen)
    with told("S7: verbs", len(chosen)) as advance:
        for one in chosen:
            before = len(witness.events())
            said, trace = _say(_named(one, work), work, witness, traced=traced)
            events = witness.events()[before:]
            tally.count("witness_was_blind", not events, f"{one[:2]}: {said}")
            tally.count("verbs_that_fail", bool(said), f"{one[:2]}: {said}")
            for kind, address in [*_reached(events), *_TRACED.findall(trace)]:
                tally.count("reached_out", not _is_local(address), f"{one[:2]}: {kind} {address}")
                local[f"{one[0]} {one[1]}: {kind} {address}"] += _is_local(address)
            asked = [event.told for event in events if event.kind in ASKING and not _is_local(event.told)]
            tally.count("names_looked_up", bool(asked), f"{one[:2]}: {asked[:2]}")
            advance()
    on_loopback = "; ".join(f"{what} x {times}" for what, times in sorted(local.items()) if times)
    how = "strace and audit events" if traced else "audit events"
    tally.source = f"S7: {len(chosen)} verbs by {how}; on the loopback: {on_loopback or 'nothing'}"
    tally.count("reached_out", False)
    return tally.rows()


def _named(words: tuple[object, ...], work: Path) -> tuple[object, ...]:
    """Put in the name of the set of bags that the first verb made: its hash is not known before."""
    bags = [found.name for found in (work / "cache").glob("*/slides/*") if "_vector" not in found.name]
    return tuple(bags[0] if word is BAGS else word for word in words)


def _verbs() -> list[tuple[str, str]]:
    """Return every verb that the two command lines have."""
    return [
        (stage, str(command.name or getattr(command.callback, "__name__", "")).replace("_", "-"))
        for stage, app in (("extract", extract_app), ("fuse", fuse_app))
        for command in app.registered_commands
    ]


def _make_cohorts(work: Path, seed: int, chosen: list[tuple[object, ...]]) -> None:
    """Write what the chosen verbs read: the folders that their words lie in."""
    makers: dict[Path, Callable[[Path], object]] = {
        work / "small": lambda folder: write_small(folder, 2, seed),
        work / "tiny": unsynced_tiny,
        work / "other": lambda folder: unsynced_tiny(folder, "other-{}".format),
        work / "moments": write_moments,
    }
    read = {place for words in chosen for word in words if isinstance(word, Path) for place in word.parents}
    for folder, make in makers.items():
        if folder in read:
            make(folder)
    (work / "rna.csv").write_text("case_id,a_rna\nc001,0.5\n", encoding="utf-8")
    (work / "fit.yaml").write_text(FIT, encoding="utf-8")


def _all_verbs(work: Path) -> list[tuple[object, ...]]:
    """Return words for every verb, in an order in which each has what it needs."""
    cohort, tiny = SmallCohort.below(work / "small"), Tiny.below(work / "tiny")
    other, moments = Tiny.below(work / "other"), Tiny.below(work / "moments")
    landmarks = (moments.cohort, "--cache", moments.cache, "--protocol", moments.protocol)
    cache, run = work / "cache", work / "run"
    at = ("--root", cohort.raw)
    fused = (tiny.cohort, "--cache", tiny.cache)
    theirs = (*at, "--cache", work / "imported", "--encoder", "stain_texture_nuclei", "--mpp", 0.5)
    fit = ("--network", "daeformer", "--target", "prostate", "--settings", work / "fit.yaml")
    return [
        ("extract", "run", cohort.manifest, *at, "--cache", cache, "--workers", 2),
        ("fuse", "check", *fused),
        ("extract", "encoders"),
        ("fuse", "benchmark", *fused, "--out", run, "--protocol", tiny.protocol, "--jobs", 2),
        ("extract", "check", cohort.manifest, *at),
        ("fuse", "report", run),
        ("fuse", "validate", run, other.cohort, "--cache", other.cache, "--out", work / "validated"),
        ("extract", "verify", cache),
        ("fuse", "landmarks", *landmarks, "--out", work / "landmarks", "--jobs", 1),
        ("fuse", "rerun", run, "--jobs", 1),
        ("extract", "synthetic", work / "made", "--layout", "chimera", "--cases", 1),
        ("extract", "scan", "chimera", work / "made", "--cohort", "x", "--manifests", work / "manifests"),
        ("extract", "plan", cohort.manifest, *at, "--cache", cache),
        ("extract", "export", cache, CARD["name"], BAGS, work / "stamp", "--as", "stamp"),
        ("extract", "import", "stamp", work / "stamp", cohort.manifest, *theirs),
        ("extract", "import-table", work / "rna.csv", cohort.manifest, "--cache", work / "imported"),
        ("extract", "overlay", cache, CARD["name"], BAGS, work / "overlay"),
        ("extract", "fit-segmenter", cohort.manifest, *at, *fit, "--out", work / "segmenter"),
        ("extract", "segment", work / "segmenter", cohort.manifest, *at, "--out", work / "masks"),
        ("extract", "run", cohort.manifest, *at, "--cache", work / "dask", "--scheduler", "local"),
        ("extract", "status", cache),
        ("extract", "gc", cache),
        ("extract", "forget", cache, "c001"),
        ("extract", "doctor"),
    ]


def _say(words: tuple[object, ...], work: Path, witness: Witness, *, traced: bool) -> tuple[str, str]:
    """Run one verb; return what it said if it failed, and the lines of strace."""
    log = work / "strace"
    prefix = ["strace", "-f", "-qq", "-e", "trace=network", "-o", str(log)] if traced else []
    done = subprocess.run(
        [*prefix, sys.executable, "-m", *map(str, words)],
        cwd=ROOT,
        env=ENVIRONMENT | witness.environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    trace = log.read_text(errors="replace") if traced else ""
    # doctor says 1 where a library is missing, which is no matter here
    failed = done.returncode != 0 and words[1] != "doctor"
    return (f"exit {done.returncode}: {done.stdout}{done.stderr}" if failed else ""), trace


def _reached(events: list[Event]) -> list[tuple[str, str]]:
    return [(event.kind.removeprefix("socket."), event.told) for event in events if event.kind in REACHING]


def _is_local(address: str) -> bool:
    """Whether an address, as an event or strace has it, is of this machine: loopback or a Unix socket.

    To bind to ('', port) is to listen on every network; a plain '' is a Unix socket without a name.
    """
    if address == "" or address.startswith(("/", "b'/", "b'\\x00", "\\x00")):
        return True
    quoted = _QUOTED.search(address)
    host = quoted[1] if quoted and address.startswith("(") else address
    try:
        return host in ("None", "localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _may_trace(work: Path) -> bool:
    """Whether strace is there and may watch a child."""
    if shutil.which("strace") is None:
        return False
    command = ["strace", "-f", "-qq", "-o", str(work / "strace"), sys.executable, "-c", ""]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
