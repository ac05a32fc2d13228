"""One child process under caps: what a task may take, how it is watched, and how its end is named.

Enters: a function of a module, caps, tasks with numbers. Leaves: outcomes by number, or the `Death` of the
process. `pool.py` decides who gets which task; here is one process and its pipe. A child does several tasks
at a time in threads where it is asked to; its memory is then that of all of them.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any, Generic, Literal, TypeVar

import psutil

from extract.caps import Caps
from extract.memory import GB
from feature_cache.errors import Problem
from feature_cache.stopping import follow_parent

log = logging.getLogger(__name__)

Task = TypeVar("Task")
Result = TypeVar("Result")

#: A child that has not started by then never will: a file system that hangs, a broken installation.
_START_S = 300.0
#: A child whose pipe is closed is on its way out.
_EXIT_S = 5.0
_READY = "ready"


@dataclass(frozen=True, kw_only=True)
class Death:
    """Why a task has no result: its child was ended for a cap or died, or the task raised an error."""

    cause: Literal["memory", "time", "signal", "exit", "error"]
    got: str

    def as_problem(self, where: str, expected: str, remedy: str) -> Problem:
        """Return the same as a row of a table of problems."""
        return Problem(level="error", where=where, expected=expected, got=self.got, remedy=remedy)


@dataclass(frozen=True, kw_only=True)
class Ended(Generic[Result]):
    """What a look at a child found: tasks that are done, and its own death with whom it is laid to.

    `culprit` is the number of the task whose time ran out; None where any task in flight may have done it.
    """

    outcomes: dict[int, Result | Death]
    death: Death | None = None
    culprit: int | None = None


class Child(Generic[Task, Result]):
    """A child process that does up to `threads` tasks at a time. `in_flight` are those without an outcome."""

    def __init__(self, function: Callable[[Task], Result], caps: Caps, threads: int = 1) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, its_end = context.Pipe()
        self._process = context.Process(target=_serve, args=(function, its_end, threads), daemon=True)
        self._process.start()
        its_end.close()
        self._watched = psutil.Process(self._process.pid)
        self._caps = caps
        self._ready = False
        self._start_by = time.monotonic() + _START_S
        self._deadlines: dict[int, float] = {}
        self.in_flight: dict[int, Task] = {}

    @property
    def handles(self) -> tuple[Connection, int]:
        """What becomes ready when there is something to look at."""
        return self._pipe, self._process.sentinel

    def give(self, number: int, task: Task) -> None:
        """Give it a task; it is sent, and its time counts, from when the child is ready."""
        self.in_flight[number] = task
        if self._ready:
            self._send(number)

    def look(self) -> Ended[Result]:
        """Return what has ended since the last look; with a death the process is gone."""
        alive = self._process.is_alive()  # before the pipe: what a dying child sent last still counts
        outcomes: dict[int, Result | Death] = {}
        try:
            while self._pipe.poll():
                self._receive(self._pipe.recv(), outcomes)
        except (EOFError, OSError):
            alive = False
        death, culprit = self._overdrawn() if alive else (self._how_it_ended(), None)
        if death is not None:
            self.end()
        return Ended(outcomes=outcomes, death=death, culprit=culprit)

    def end(self) -> None:
        """End the process, whatever it is doing: an entry that it is writing stays absent."""
        self._pipe.close()
        self._process.kill()
        self._process.join()

    def _receive(self, message: Any, outcomes: dict[int, Result | Death]) -> None:
        if not self._ready:  # the first message only says that it has started
            self._ready = True
            for number in self.in_flight:
                self._send(number)
            return
        number, outcome = message
        del self.in_flight[number], self._deadlines[number]
        outcomes[number] = outcome

    def _send(self, number: int) -> None:
        self._deadlines[number] = time.monotonic() + self._caps.seconds
        try:
            self._pipe.send((number, self.in_flight[number]))
        except OSError:  # it has just died; that is found and named when it is looked at
            log.debug("a child ended before it was given its task")

    def _overdrawn(self) -> tuple[Death | None, int | None]:
        try:
            held_gb = self._watched.memory_info().rss / GB
        except psutil.Error:  # it has just died; that is seen at the next look
            return None, None
        if held_gb > self._caps.memory_gb:
            cap = f"cap {self._caps.memory_gb:.2f}"
            got = f"a worker process that held {held_gb:.2f} GB and was ended ({cap})"
            return Death(cause="memory", got=got), None
        now = time.monotonic()
        if not self._ready and now > self._start_by:
            return _too_late("its start", _START_S), None
        late = [number for number, deadline in self._deadlines.items() if now > deadline]
        return (_too_late("its task", self._caps.seconds), late[0]) if late else (None, None)

    def _how_it_ended(self) -> Death:
        self._process.join(_EXIT_S)
        code = self._process.exitcode
        if code is None:
            return Death(cause="exit", got="a worker process that closed its pipe and was ended")
        if code >= 0:
            return Death(cause="exit", got=f"a worker process that ended with exit code {code}")
        known = {one.value: f"{one.name} ({one.value})" for one in signal.Signals}
        return Death(cause="signal", got=f"a worker process that died with signal {known.get(-code, -code)}")


def _too_late(work: str, seconds: float) -> Death:
    got = f"a worker process that was not done with {work} after {seconds:g} s and was ended"
    return Death(cause="time", got=got)


def _serve(function: Callable[[Any], Any], pipe: Connection, threads: int) -> None:
    """Do tasks until the pipe closes: the whole life of a child. The main thread is one of `threads`."""
    follow_parent()
    taking, giving = threading.Lock(), threading.Lock()
    pipe.send(_READY)

    def work() -> None:
        while True:
            try:
                with taking:
                    number, task = pipe.recv()
            except EOFError:
                return
            answer = _attempt(function, number, task)
            with giving:
                pipe.send_bytes(answer)

    def work_or_end() -> None:
        try:
            work()
        finally:  # takes the process with it, as the end of the main thread does: no task is forgotten
            os._exit(1)

    for _ in range(threads - 1):
        threading.Thread(target=work_or_end, daemon=True).start()
    work()


def _attempt(function: Callable[[Any], Any], number: int, task: Any) -> Any:
    """Return the bytes of number and result; what the function raises becomes a `Death` without its text."""
    try:
        return ForkingPickler.dumps((number, function(task)))
    except Exception as error:  # one place for all tasks: a row in failures.csv or of a table of problems
        log.debug("a task failed", exc_info=error)
        death = Death(cause="error", got=f"{type(error).__name__} from {_place(error)}")
        return ForkingPickler.dumps((number, death))


def _place(error: BaseException) -> str:
    """Name the innermost function that raised: enough to find it, and no text of a record."""
    frames = list(traceback.walk_tb(error.__traceback__))
    frame, line = frames[-1]
    return f"{frame.f_code.co_qualname} line {line}"
