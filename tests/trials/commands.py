"""Braid's command line in child processes, as a user or a scheduler starts it.

Enters: the words of a command. Leaves: a process, or what it printed and returned. The children see no
checkout: a commit made while a trial runs would be written into entries and count as a difference.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.measurement import ROOT

#: Longer than anything here takes on a busy machine; a child that hangs ends the trial.
PATIENCE_S = 600
ENVIRONMENT = {**os.environ, "GIT_DIR": os.devnull, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}

Finished = subprocess.CompletedProcess[str]


def run(*words: object, environment: dict[str, str] | None = None) -> Finished:
    """Run `python -m WORDS` to its end in the checkout; what it returned is the caller's to judge."""
    return subprocess.run(
        [sys.executable, "-m", *map(str, words)],
        cwd=ROOT,
        env=ENVIRONMENT | (environment or {}),
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=PATIENCE_S,
        check=False,
    )


def must(*words: object) -> Finished:
    """Run a command that has to succeed, or end the trial with what it said."""
    done = run(*words)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, words))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def start(*words: object) -> subprocess.Popen[bytes]:
    """Start `python -m WORDS` at the head of a process group of its own, its output thrown away."""
    quiet = subprocess.DEVNULL
    return subprocess.Popen(
        [sys.executable, "-m", *map(str, words)],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdout=quiet,
        stderr=quiet,
        start_new_session=True,
    )


def extract_words(manifest: Path, raw: Path, cache: Path, workers: int) -> tuple[object, ...]:
    """Return the words of `extract run`."""
    return ("extract", "run", manifest, "--root", raw, "--cache", cache, "--workers", workers)


def end_group(group: int) -> bool:
    """End what is left of a process group that was started here; whether anything was."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
