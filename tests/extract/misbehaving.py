"""What decoders do to their process, each as a task. Light to import: every child of a test loads this."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

#: Touched at once; enough to go over a cap of a few hundred MB, and bounded should no one watch.
_STEP_BYTES, _MOST_BYTES = 32 << 20, 3 << 30
_MEETING = threading.Lock()
_BARRIERS: list[threading.Barrier] = []


class UnpicklableError(Exception):
    """An error that cannot leave its process, with the text of a record in it."""

    def __reduce__(self) -> NoReturn:
        raise TypeError("not to be pickled")


def do(task: str) -> str:
    """Do what the task says; a plain word comes back with the id of the process that had it."""
    word, _, detail = task.partition(" ")
    if word in MISDEEDS:
        MISDEEDS[word](detail)
    return f"{word} {os.getpid()}"


def give_back_no_text(task: str) -> Callable[[], str]:
    """Return what cannot be pickled."""
    return lambda: task


def _eat(detail: str) -> None:
    eaten = []
    while len(eaten) * _STEP_BYTES < _MOST_BYTES:
        eaten.append(b"\1" * _STEP_BYTES)
    _hang(detail)


def _hang(detail: str) -> None:
    threading.Event().wait()


def _loop(detail: str) -> None:
    while True:
        pass


def _raise(detail: str) -> None:
    raise UnpicklableError("the patient's name")


def _meet(detail: str) -> None:
    """Wait until as many tasks of this process as named are here at once: none can do it alone."""
    with _MEETING:
        if not _BARRIERS:
            _BARRIERS.append(threading.Barrier(int(detail)))
    _BARRIERS[0].wait()


def _mark(detail: str) -> None:
    Path(detail).touch()
    threading.Event().wait()


MISDEEDS: dict[str, Callable[[str], object]] = {
    "abort": lambda _: os.abort(),
    "segfault": lambda _: ctypes.string_at(0),
    "exit": lambda status: os._exit(int(status)),
    "kill": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    "eat": _eat,
    "hang": _hang,
    "loop": _loop,
    "raise": _raise,
    "mark": _mark,
    "meet": _meet,
}
