"""R13: Hypothesis plays with the cache for a long time; the model in `cache_machine.py` says what it may do.

Enters: a work folder (unused: machines have their own), machines and steps each, a seed. Leaves: a measured
row. Hypothesis bounds one example at 8 KiB of choices, some hundreds of steps; for this trial the bound is
lifted. It would also leave some rules out of every game, and many games would have an empty cache throughout:
here every rule is in. What fails is printed with its steps, unshrunk: that would take longer than the trial.
"""

from __future__ import annotations

import math
import sys
import traceback
from pathlib import Path
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as seeded
from hypothesis import stateful as hypothesis_stateful
from hypothesis.internal.conjecture import engine
from hypothesis.stateful import RULE_MARKER, run_state_machine_as_test
from hypothesis.strategies._internal.featureflags import FeatureFlags

from feature_cache.errors import BraidError
from tests.measurement import Measured
from tests.trials.cache_machine import CacheMachine
from tests.trials.trial import Counts, told

CHOICES_BYTES = 2**20


def stateful_cache(work: Path, counts: Counts, seed: int) -> list[Measured]:
    """Play until `counts.runs` times `counts.each` steps are done, in games of at most `counts.each`."""
    del work
    games, steps, rounds = CacheMachine.games, CacheMachine.steps_run, 0
    CacheMachine.played.clear()
    wanted = counts.runs * counts.each
    differs = False
    with told("R13: steps against the model", wanted) as advance, patch.object(CacheMachine, "told", advance):
        while not differs and CacheMachine.steps_run - steps < wanted:
            # Hypothesis counts very short games too, so it is asked again until the steps are done
            left = wanted - (CacheMachine.steps_run - steps)
            differs = not _play(Counts(math.ceil(left / counts.each), counts.each), f"{seed}/{rounds}")
            rounds += 1
    games, steps = CacheMachine.games - games, CacheMachine.steps_run - steps
    full = CacheMachine.played.total() / max(1, steps)
    source = f"R13: {steps} steps in {games} games, {full:.0%} on a cache that held something; seed {seed}"
    rules = {name for name, member in vars(CacheMachine).items() if hasattr(member, RULE_MARKER)}
    unplayed = rules - CacheMachine.played.keys()
    if unplayed:
        sys.stderr.write(f"rules that were not played: {', '.join(sorted(unplayed))}\n")
    return [
        Measured(
            name="cache/stateful_steps_unlike_the_model",
            value=int(differs),
            unit="misses",
            bar="0",
            met=not differs,
            input=source,
        ),
        Measured(
            name="cache/stateful_rules_never_played",
            value=len(unplayed),
            unit="misses",
            bar="0",
            met=not unplayed,
            input=source,
        ),
    ]


def _play(counts: Counts, seed: str) -> bool:
    """Play some games; whether the cache did as the model in all of them."""
    quiet = settings(
        max_examples=counts.runs,
        stateful_step_count=counts.each + 1,  # making the cache is a step too
        deadline=None,
        database=None,
        derandomize=False,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    machine = seeded(seed)(type("SeededCacheMachine", (CacheMachine,), {}))
    with (
        patch.object(FeatureFlags, "is_enabled", lambda flags, name: True),
        patch.object(engine, "BUFFER_SIZE", CHOICES_BYTES),
        patch.object(hypothesis_stateful, "BUFFER_SIZE", CHOICES_BYTES),
    ):
        try:
            run_state_machine_as_test(machine, settings=quiet)
        except (AssertionError, BraidError, OSError, ValueError):
            traceback.print_exc(file=sys.stderr)
            return False
    return True
