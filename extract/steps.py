"""Where the time of an item goes: hash, read, wait, encode, write, and what is none of them.

Enters: blocks of code that say which step they are. Leaves: seconds a step, of one thread and one task. What
no step claims is `other`. An account belongs to the thread that opened it; outside one nothing is counted.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

Step = Literal["hash", "read", "wait", "encode", "write", "other"]
#: `wait` is for an encoder that serves several slides; `encode` is then its own time, else the item's.
STEPS: tuple[Step, ...] = ("hash", "read", "wait", "encode", "write", "other")

Seconds = dict[Step, float]

_account: ContextVar[Seconds | None] = ContextVar("_account", default=None)


@contextmanager
def accounted() -> Iterator[Seconds]:
    """Yield an account that fills with the steps inside; it is complete when the block is left."""
    seconds: Seconds = dict.fromkeys(STEPS, 0.0)
    token = _account.set(seconds)
    started = time.perf_counter()
    try:
        yield seconds
    finally:
        _account.reset(token)
        own = sum(seconds[step] for step in ("hash", "read", "wait", "write"))
        # the time of an encoder that was waited for passed elsewhere
        encoded_here = 0.0 if seconds["wait"] else seconds["encode"]
        seconds["other"] = max(0.0, time.perf_counter() - started - own - encoded_here)


@contextmanager
def step(name: Step) -> Iterator[None]:
    """Count the seconds of the block; steps are not nested."""
    started = time.perf_counter()
    try:
        yield
    finally:
        count(name, time.perf_counter() - started)


def count(name: Step, seconds: float) -> None:
    """Add seconds that were measured elsewhere."""
    account = _account.get()
    if account is not None:
        account[name] += seconds


def held_up(seconds: Seconds) -> Seconds:
    """Return the same with what items waited for their encoder as the encoder's: what held them up.

    Examples
    --------
    >>> held_up({"hash": 1, "read": 4, "wait": 9, "encode": 5, "write": 1, "other": 2})
    {'hash': 1, 'read': 4, 'wait': 0.0, 'encode': 9, 'write': 1, 'other': 2}
    """
    return {**seconds, "encode": seconds["wait"] or seconds["encode"], "wait": 0.0}
