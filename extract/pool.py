"""Tasks in child processes under caps: what takes its process down costs itself and no other task.

Enters: a function, its tasks, caps on memory and time. Leaves: every task with its result, or with the
`Death` that says why there is none. Where a child had one task, that task killed it; where it had several,
each is tried again alone, so that the culprit is known and the others are done. Decoders of untrusted files
run here and nowhere else. The children keep crashes and greed away from the run; they are no wall against
code that runs inside them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, closing
from multiprocessing.connection import wait
from typing import Generic, Self

from extract.caps import Caps
from extract.child import Child, Death, Ended, Result, Task
from feature_cache.stopping import raise_if_stopped, signals_held

__all__ = ["CappedChild", "Death", "run_capped"]

#: Memory and time are looked at this often. Touching memory takes about a second a few GB, so a child can
#: hold some hundred MB more than its cap before it is ended.
_LOOK_S = 0.1


def run_capped(
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    caps: Caps,
    workers: int,
    threads: int = 1,
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
    caps
        What one child may hold, with all tasks that it has, and how long one task may take.
    threads
        Tasks that one child does at a time.
    """
    with closing(_Pool(function, tasks, caps, (workers, threads))) as pool:
        pool.fill()
        while pool.children:
            raise_if_stopped()
            wait([handle for child in pool.children for handle in child.handles], timeout=_LOOK_S)
            ended = [one for child in tuple(pool.children) for one in pool.settle(child)]
            pool.fill()
            yield from ended


class CappedChild(Generic[Task, Result]):
    """One child process under caps, for one task after the other; a new one takes its place when it dies.

    For one caller at a time. The process is started at the first task and ended with the block.

    Examples
    --------
    >>> with CappedChild(len, Caps(memory_gb=4, seconds=60)) as child:
    ...     child.do("abc")
    3
    """

    def __init__(self, function: Callable[[Task], Result], caps: Caps) -> None:
        self._function, self._caps = function, caps
        self._child: Child[Task, Result] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.end()

    def do(self, task: Task) -> Result | Death:
        """Return the result of a task, or why there is none. What is raised here ends the child."""
        if self._child is not None and self._child.look().death is not None:
            self._child = None  # it ended while it had nothing to do
        if self._child is None:
            with signals_held():  # a child is known before a signal can be raised here
                self._child = Child(self._function, self._caps)
        child = self._child
        with ExitStack() as if_raised:
            if_raised.callback(self.end)
            child.give(0, task)
            ended = child.look()
            while ended.death is None and not ended.outcomes:
                raise_if_stopped()
                wait(child.handles, timeout=_LOOK_S)
                ended = child.look()
            if_raised.pop_all()
        if ended.death is None:
            return ended.outcomes[0]
        self._child = None
        return ended.outcomes.get(0, ended.death)

    def end(self) -> None:
        """End the process, whatever it is doing; a later task starts another."""
        if self._child is not None:
            self._child.end()
            self._child = None


class _Pool(Generic[Task, Result]):
    """The children of one run, and who has which task. `suspects` were in flight when their child died."""

    def __init__(
        self,
        function: Callable[[Task], Result],
        tasks: Iterable[Task],
        caps: Caps,
        sizes: tuple[int, int],
    ) -> None:
        self._function, self._caps = function, caps
        self._workers, self._threads = sizes
        self._left: Iterator[tuple[int, Task]] = enumerate(tasks)
        self._suspects: deque[tuple[int, Task]] = deque()
        self._alone: set[int] = set()
        self.children: list[Child[Task, Result]] = []

    def fill(self) -> None:
        """Give each child what it can take, least first; start children for tasks, end those without one."""
        while True:
            roomy = [child for child in self.children if self._has_room(child)]
            child = min(roomy, key=lambda child: len(child.in_flight), default=None)
            if (child is None or child.in_flight) and len(self.children) < self._workers:
                child = None
            elif child is None:
                break
            item = self._take(for_a_free_child=child is None or not child.in_flight)
            if item is None:
                break
            (child or self._start()).give(*item)
        for child in [child for child in self.children if not child.in_flight]:
            child.end()
            self.children.remove(child)

    def settle(self, child: Child[Task, Result]) -> list[tuple[Task, Result | Death]]:
        """Return the tasks of a child that have ended; of one that died, that which is known to be lost."""
        there = dict(child.in_flight)
        ended = child.look()
        if ended.death is not None:
            self.children.remove(child)
            guilty = self._guilty(child, ended)
            self._suspects.extend(item for item in child.in_flight.items() if item[0] != guilty)
            if guilty is not None:
                ended.outcomes[guilty] = ended.death
        return [(there[number], outcome) for number, outcome in ended.outcomes.items()]

    def close(self) -> None:
        """End every child."""
        for child in self.children:
            child.end()

    def _guilty(self, child: Child[Task, Result], ended: Ended[Result]) -> int | None:
        if ended.culprit is not None:
            return ended.culprit
        return next(iter(child.in_flight)) if len(child.in_flight) == 1 else None

    def _start(self) -> Child[Task, Result]:
        with signals_held():  # a child is in the list before a signal can be raised here
            self.children.append(Child(self._function, self._caps, self._threads))
        return self.children[-1]

    def _has_room(self, child: Child[Task, Result]) -> bool:
        return len(child.in_flight) < self._threads and not self._alone & child.in_flight.keys()

    def _take(self, for_a_free_child: bool) -> tuple[int, Task] | None:
        """Return the next task; a suspect goes to a child without others, and stays alone there."""
        if for_a_free_child and self._suspects:
            suspect = self._suspects.popleft()
            self._alone.add(suspect[0])
            return suspect
        return next(self._left, None)
