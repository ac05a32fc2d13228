"""Whether the leak lint catches what it is for, and keeps silent where nothing leaks.

Enters: nothing, or the shared tables. Leaves: a row for the eight leaks, each of which `fuse check` must
name and refuse, and a row for the honest cohorts, none of which may have an error.
`python -m tests.published.lint` runs it alone.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.measurement import Measured, tabulate
from tests.planted.situations import SITUATIONS
from tests.planted.written import write_planted
from tests.published.byar_green import TABLE as TRIAL
from tests.published.byar_green import make_trial
from tests.published.cohort import braid, must
from tests.published.lint_cohorts import EIGHT, HEART, HONEST, Leaky, Made
from tests.published.shared_tables import absent


def lint_rows() -> list[Measured]:
    """Make every cohort, check it and count."""
    if not HEART.is_file():
        return absent("fuse/lint_leaks_caught", "of 8", HEART)
    with tempfile.TemporaryDirectory(prefix="braid-lint-") as name:
        work = Path(name)
        honest = {origin: make(work / origin, must) for origin, make in HONEST.items()}
        wrong = {name: list(errors(made)) for name, made in {**honest, **more_honest(work)}.items()}
        caught = []
        for number, leaky in enumerate(EIGHT):
            found = catches(leaky, leaky.spoil(honest[leaky.origin], work / str(number), must))
            print(f"{leaky.title}: {leaky.leak} {'caught' if found else 'MISSED'}", flush=True)
            caught.append(found)
    for origin, texts in wrong.items():
        print(f"{origin}, nothing wrong: {len(texts)} error(s)", *texts, sep="\n  ", flush=True)
    false = sum(map(len, wrong.values()))
    titles = ", ".join(leaky.title for leaky in EIGHT)
    return [
        Measured(
            name="fuse/lint_leaks_caught",
            value=float(sum(caught)),
            unit="of 8",
            bar="8",
            met=all(caught),
            input=f"`fuse check` names and refuses: {titles}",
        ),
        Measured(
            name="fuse/lint_false_errors",
            value=float(false),
            unit="errors",
            bar="0",
            met=false == 0,
            input=f"{len(wrong)} honest cohorts: {', '.join(wrong)}",
        ),
    ]


def more_honest(work: Path) -> dict[str, Made]:
    """Return the planted situations of 95 cases, and Byar and Green's trial where its table is."""
    made = {}
    for number, situation in enumerate(SITUATIONS.values()):
        written = write_planted(work / situation.name, situation, 95, 50 + number)
        made[situation.name] = Made(cohort=written.cohort, cache=written.cache, protocol="recommended")
    if TRIAL.is_file():
        trial = make_trial(TRIAL, work / "trial")
        made["Byar and Green"] = Made(cohort=trial.manifest, cache=trial.cache, protocol="competing")
    return made


def catches(leaky: Leaky, made: Made) -> bool:
    """Return whether `fuse check --json` exits 1 with an error of this name, and with no other leak."""
    names = {row["name"] for row in checked(made)["leaks"] if row["level"] == "error"}
    return names == {leaky.leak}


def errors(made: Made) -> Iterator[str]:
    """Yield the errors of a cohort, in words."""
    for problem in checked(made)["problems"]:
        if problem["level"] != "warning":
            yield f"{problem['where']}: {problem['got']}"


def checked(made: Made) -> dict[str, list[dict[str, str]]]:
    """Return what `fuse check --json` says."""
    done = braid("fuse", "check", made.cohort, "--cache", made.cache, "--protocol", made.protocol, "--json")
    told: dict[str, list[dict[str, str]]] = json.loads(done.stdout)
    failing = any(problem["level"] != "warning" for problem in told["problems"])
    if done.returncode != int(failing):
        raise AssertionError(f"{made.cohort.name}: exit {done.returncode}, problems {told['problems']}")
    return told


if __name__ == "__main__":
    sys.exit(tabulate(lint_rows()))
