"""R10: writers that race for one key: one commits, the others find it there; the bytes are one writer's.

Enters: a work folder, how many races of how many writers, a seed (unused: who comes first is the machine's
to say). Leaves: measured rows. Every second key is raced for again with another source: there several may
replace, one after the other, what another writer of the same bytes has just put; how often that was stands in
the rows. The writers run in `racing_writers.py`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from feature_cache.array_format import FORMAT_NAMES
from tests.measurement import ROOT, Measured
from tests.trials.commands import ENVIRONMENT
from tests.trials.trial import Counts, Tally, told


def races(work: Path, counts: Counts, seed: int) -> list[Measured]:
    """Run `counts.runs` races of `counts.each` writers, half of them in each form."""
    del seed
    writers = counts.each
    tally = Tally("cache/race_", "")
    again: list[int] = []
    with told("R10: races", counts.runs) as advance:
        for position, form in enumerate(FORMAT_NAMES):
            share = counts.runs // 2 + (counts.runs % 2 if position == 0 else 0)
            script = [sys.executable, "-m", "tests.trials.racing_writers"]
            with subprocess.Popen(
                [*script, str(work / form), form, str(share), str(writers)],
                cwd=ROOT,
                env=ENVIRONMENT,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            ) as process:
                assert process.stderr is not None and process.stdout is not None
                heard = []
                for line in process.stderr:
                    if line.strip().isdigit():
                        advance()
                    else:
                        heard.append(line)
                answer = process.stdout.read()
            if process.returncode:
                raise RuntimeError(f"racing writers: exit {process.returncode}\n{''.join(heard)}")
            outcome = json.loads(answer)
            _judge(outcome, form, tally)
            again += outcome["winners_again"]
    tally.source = (
        f"R10: {counts.runs} races of {writers} writers for one key; then {len(again)} for keys that hold "
        f"another source, in {sum(winners > 1 for winners in again)} of which more than one writer replaced"
    )
    return tally.rows()


def _judge(outcome: dict[str, object], form: str, tally: Tally) -> None:
    for name in ("not_one_winner", "replacements"):
        lost = outcome[name]
        assert isinstance(lost, list)
        what = "races_without_one_winner" if name == "not_one_winner" else "replacements_gone_wrong"
        tally.count(what, False)
        for said in lost:
            tally.count(what, True, f"{form}: {said}")
    tally.count("wrong_entries", bool(outcome["damaged"]), f"{form}: {outcome['damaged']}")
    tally.count("left_in_tmp_after_gc", bool(outcome["left_in_tmp"]), form)
    tally.count("left_in_trash_after_gc", bool(outcome["left_in_trash"]), form)
    tally.count("caches_that_differ", not outcome["same_bytes"], form)
