"""Where the time of an item goes: hash, read, wait, encode, write, and what is none of them.

Enters: blocks of code that say which step they are. Leaves: seconds a step, of one thread and one task; they
add up to what the task took, `other` being what no step claims. `device` stands beside them: it passed
elsewhere. An account belongs to the thread that opened it; outside one nothing is counted.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

Step = Literal["hash", "read", "wait", "encode", "write", "other", "device"]
#: `wait` is for an encoder that serves several slides, and `device` how long it worked for them.
STEPS: tuple[Step, ...] = ("hash", "read", "wait", "encode", "write", "other", "device")

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
        own = sum(seconds[step] for step in ("hash", "read", "wait", "encode", "write"))
        seconds["other"] = max(0.0, time.perf_counter() - started - own)


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
    """Return what held items up: that they waited for an encoder is that encoder's.

    Examples
    --------
    >>> held_up({"hash": 1, "read": 4, "wait": 9, "encode": 5, "write": 1, "other": 2, "device": 8})
    {'hash': 1, 'read': 4, 'wait': 0.0, 'encode': 14, 'write': 1, 'other': 2, 'device': 0.0}
    """
    return {**seconds, "encode": seconds["encode"] + seconds["wait"], "wait": 0.0, "device": 0.0}
