"""Tasks in child processes under caps: what takes its process down costs itself and no other task.

Enters: a function, its tasks, caps on memory and time. Leaves: every task with its result, or with the
`Death` that says why there is none. A child has one task at a time, so the task that killed it is known; a
new child takes its place. Decoders of untrusted files run here and nowhere else. The children keep crashes
and greed away from the run; they are no wall against code that runs inside them.
"""

from __future__ import annotations

import itertools
import logging
import multiprocessing
import signal
import time
import traceback
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import ForkingPickler
from typing import Any, Generic, Literal, TypeVar

import psutil

from extract.caps import Caps
from extract.memory import GB
from feature_cache.errors import Problem
from feature_cache.stopping import follow_parent, signals_held

log = logging.getLogger(__name__)

Task = TypeVar("Task")
Result = TypeVar("Result")

#: Memory and time are looked at this often. Touching memory takes about a second a few GB, so a child can
#: hold some hundred MB more than its cap before it is ended.
_LOOK_S = 0.1
#: A child that has not started by then never will: a file system that hangs, a broken installation.
_START_S = 300.0
#: A child whose pipe is closed is on its way out.
_EXIT_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Death:
    """Why a task has no result: its child was ended for a cap or died, or the task raised an error."""

    cause: Literal["memory", "time", "signal", "exit", "error"]
    got: str

    def as_problem(self, where: str, expected: str, remedy: str) -> Problem:
        """Return the same as a row of a table of problems."""
        return Problem(level="error", where=where, expected=expected, got=self.got, remedy=remedy)


def run_capped(
    function: Callable[[Task], Result], tasks: Iterable[Task], caps: Caps, workers: int
) -> Generator[tuple[Task, Result | Death], None, None]:
    """Do every task in one of `workers` child processes; yield tasks as they end, in any order.

    Lazy: a task is taken when a child is free for it. Children are started for the first tasks, used again,
    and ended when the tasks are done, when the iterator is closed and when anything is raised here, whatever
    they are doing.

    Parameters
    ----------
    function
        A function of a module, or a partial of one: it goes to the children by name.
    tasks
        What the function is called with; sent through a pipe, like its results.
    """
    left = iter(tasks)
    children: list[_Child[Task, Result]] = []
    try:
        for task in itertools.islice(left, workers):
            with signals_held():  # a child is in the list before a signal can be raised here
                children.append(_Child(function, caps, task))
        while children:
            wait([handle for child in children for handle in child.handles], timeout=_LOOK_S)
            for child in tuple(children):
                if not child.has_ended_its_task():
                    continue
                ended = child.task, child.outcome
                following = list(itertools.islice(left, 1))
                if following and child.lives:
                    child.give(following[0])
                else:
                    child.end()
                    children.remove(child)
                    with signals_held():
                        children.extend(_Child(function, caps, task) for task in following)
                yield ended
    finally:
        for child in children:
            child.end()


class _Child(Generic[Task, Result]):
    """A child process with its task. `outcome` is there once `has_ended_its_task` said so."""

    task: Task
    outcome: Result | Death

    def __init__(self, function: Callable[[Task], Result], caps: Caps, task: Task) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, its_end = context.Pipe()
        self._process = context.Process(target=_serve, args=(function, its_end), daemon=True)
        self._process.start()
        its_end.close()
        self._caps = caps
        self._ready = False
        self._allow(_START_S)
        self.lives = True
        self.task = task

    @property
    def handles(self) -> tuple[Connection, int]:
        """What becomes ready when there is something to look at."""
        return self._pipe, self._process.sentinel

    def give(self, task: Task) -> None:
        """Send a task to a child that is ready; its time counts from here."""
        self.task = task
        self._allow(self._caps.seconds)
        try:
            self._pipe.send(task)
        except OSError:  # it has just died; that is found and named when it is looked at
            log.debug("a child ended before it was given its task")

    def has_ended_its_task(self) -> bool:
        """Look at the child: True where its task is done or the child is dead, both in `outcome`."""
        alive = self._process.is_alive()  # before the pipe: what a dying child sent last still counts
        try:
            if self._pipe.poll():
                return self._received(self._pipe.recv())
        except (EOFError, OSError):
            alive = False
        return self._overdrawn() if alive else self._died(self._how_it_ended())

    def end(self) -> None:
        """End the process, whatever it is doing: an entry that it is writing stays absent."""
        self.lives = False
        self._pipe.close()
        self._process.kill()
        self._process.join()

    def _allow(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds

    def _received(self, message: Any) -> bool:
        if not self._ready:  # the first message only says that it has started
            self._ready = True
            self.give(self.task)
            return False
        self.outcome = message
        return True

    def _overdrawn(self) -> bool:
        try:
            held_gb = psutil.Process(self._process.pid).memory_info().rss / GB
        except psutil.Error:  # it has just died; that is seen at the next look
            return False
        if held_gb > self._caps.memory_gb:
            got = (
                f"a worker process that held {held_gb:.2f} GB and was ended (cap {self._caps.memory_gb:.2f})"
            )
            return self._died(Death(cause="memory", got=got))
        if time.monotonic() > self._deadline:
            seconds = self._caps.seconds if self._ready else _START_S
            work = "its task" if self._ready else "its start"
            got = f"a worker process that was not done with {work} after {seconds:g} s and was ended"
            return self._died(Death(cause="time", got=got))
        return False

    def _died(self, death: Death) -> bool:
        self.end()
        self.outcome = death
        return True

    def _how_it_ended(self) -> Death:
        self._process.join(_EXIT_S)
        code = self._process.exitcode
        if code is None:
            return Death(cause="exit", got="a worker process that closed its pipe and was ended")
        if code >= 0:
            return Death(cause="exit", got=f"a worker process that ended with exit code {code}")
        known = {one.value: f"{one.name} ({one.value})" for one in signal.Signals}
        return Death(cause="signal", got=f"a worker process that died with signal {known.get(-code, -code)}")


def _serve(function: Callable[[Any], Any], pipe: Connection) -> None:
    """Do tasks until the pipe closes: the whole life of a child."""
    follow_parent()
    pipe.send("ready")
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        pipe.send_bytes(_attempt(function, task))


def _attempt(function: Callable[[Any], Any], task: Any) -> Any:
    """Return the bytes of the result; what the function raises becomes a `Death` without its text."""
    try:
        return ForkingPickler.dumps(function(task))
    except Exception as error:  # one place for all tasks: a row in failures.csv or of a table of problems
        log.debug("a task failed", exc_info=error)
        return ForkingPickler.dumps(Death(cause="error", got=f"{type(error).__name__} from {_place(error)}"))


def _place(error: BaseException) -> str:
    """Name the innermost function that raised: enough to find it, and no text of a record."""
    frames = list(traceback.walk_tb(error.__traceback__))
    frame, line = frames[-1]
    return f"{frame.f_code.co_qualname} line {line}"
