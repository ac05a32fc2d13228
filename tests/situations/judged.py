"""One seed of one situation: the cohort written, the command line run on it, its verdict read and marked.

Enters: the name of a situation and a seed. Leaves: what verdict.json answered, and which answers were wrong.
"""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fuse.__main__ import app
from tests.situations.cohorts import write_situation
from tests.situations.situations import SITUATIONS, Situation


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What was said of one seed: question -> answer, and the questions with a wrong one."""

    situation: str
    seed: int
    answers: dict[str, str]
    wrong: tuple[str, ...]


def judge(name: str, seed: int) -> Judged:
    """Write the cohort of a seed, benchmark it (and apply it to the other cohort), and mark the verdict."""
    situation = SITUATIONS[name]
    with tempfile.TemporaryDirectory(prefix="braid-situation-") as folder:
        questions = _verdict_of(Path(folder), situation, seed)
    return Judged(
        situation=name,
        seed=seed,
        answers={identity: str(question["answer"]) for identity, question in questions.items()},
        wrong=mark(situation, questions),
    )


def mark(situation: Situation, questions: dict[str, dict[str, Any]]) -> tuple[str, ...]:
    """Return the questions whose answer is none of the right ones, or that do not say what they should."""
    wrong = [
        identity
        for identity, right in situation.right.items()
        if identity not in questions or questions[identity]["answer"] not in right
    ]
    silent = [
        identity
        for identity in situation.says_what_is_needed
        if identity not in wrong and not (questions[identity].get("needed_cases") or 0) > situation.cases
    ]
    mild = [
        identity
        for identity in situation.says_worse
        if identity not in wrong and not questions[identity]["words"].endswith("Fusion is worse.")
    ]
    return tuple(wrong + silent + mild)


def _verdict_of(folder: Path, situation: Situation, seed: int) -> dict[str, dict[str, Any]]:
    there = write_situation(folder, situation, seed)
    run = folder / "run"
    _command("benchmark", there.cohort, "--cache", there.cache, "--protocol", there.protocol, "--out", run)
    if there.other is not None:
        elsewhere = folder / "run-elsewhere"
        _command("validate", run, there.other, "--cache", there.cache, "--out", elsewhere)
        run = elsewhere
    verdict = json.loads((run / "verdict.json").read_text(encoding="utf-8"))
    return {question["id"]: question for question in verdict["questions"]}


def _command(verb: str, *arguments: Path | str) -> None:
    """Run a verb in this process; an arm that did not run is an exit status that is not 0."""
    jobs: Sequence[str] = ("--jobs", "1") if verb == "benchmark" else ()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        app([verb, *map(str, arguments), *jobs], standalone_mode=False)
