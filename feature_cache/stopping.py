"""Ctrl-C and SIGTERM: a run of either stage stops in order, once, and its exit status says by what.

Enters: nothing. Leaves: `Stopped`, raised in the main thread at the first of these signals; the later ones
do not disturb what is being put away.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(SystemExit):
    """A signal asked to stop. Uncaught it ends the process with 128 + its number: 130 or 143."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Raise `Stopped` at the first SIGINT or SIGTERM inside the block; signals reach main threads alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _stop) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, frame: FrameType | None) -> None:
    for one in _SIGNALS:
        signal.signal(one, signal.SIG_IGN)
    raise Stopped(number)
