"""Ctrl-C and SIGTERM: a run of either stage stops in order, once, and its exit status says by what.

Enters: nothing. Leaves: `Stopped`, raised in the main thread at the first of these signals; the later ones
do not disturb what is being put away. Worker processes leave the signals to their parent, which ends them,
and do not outlive it.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
#: The signal that asked this process to stop, once one did.
_asked: int | None = None


class Stopped(SystemExit):
    """A signal asked to stop. Uncaught it ends the process with 128 + its number: 130 or 143."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Raise `Stopped` at the first SIGINT or SIGTERM inside the block; signals reach main threads alone.

    A process that was stopped is on its way out: it goes on ignoring them.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _stop) for number in _SIGNALS}
    stopped = False
    try:
        yield
    except Stopped:
        stopped = True
        raise
    finally:
        for number, handler in before.items() if not stopped else ():
            signal.signal(number, handler)


@contextmanager
def signals_held() -> Iterator[None]:
    """Start workers inside: what a terminal or a scheduler sends to all, the parent alone answers.

    A signal that comes meanwhile is answered at the end: no worker is half started then. Workers inherit
    the mask, so they are ended by `kill`.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # it would undo the mask if it were started inside
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        with _signals_noted():
            yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _signals_noted() -> Iterator[None]:
    """Answer signals at the end of the block. A mask alone does not: another thread may take the signal."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    noted: list[int] = []
    before = {number: signal.signal(number, lambda one, _: noted.append(one)) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if noted:
            signal.raise_signal(noted[0])


def follow_parent() -> None:
    """Call first in a worker: it ignores Ctrl-C, and ends as soon as its parent is gone, even killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def raise_if_stopped() -> None:
    """Raise `Stopped` where a signal asked for it already: call it once a round of a loop that works.

    What a handler raises is lost where it interrupts a destructor: Python prints and forgets it.
    """
    if _asked is not None:
        raise Stopped(_asked)


def _stop(number: int, frame: FrameType | None) -> None:
    global _asked
    _asked = number
    for one in _SIGNALS:
        signal.signal(one, signal.SIG_IGN)
    raise Stopped(number)
