"""Progress for people: a bar with time left on a terminal, a line every tenth elsewhere.

Enters: how many items there are, and a call for each that is finished. Leaves: text on stderr.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

TENTHS = 10


@contextmanager
def progress(title: str, total: int) -> Iterator[Callable[[], None]]:
    """Yield a function to call once per finished item."""
    if not sys.stderr.isatty():
        yield _plain(title, total)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=total)
        yield lambda: bar.advance(task)


def _plain(title: str, total: int) -> Callable[[], None]:
    finished = 0

    def advance() -> None:
        nonlocal finished
        finished += 1
        if finished == total or finished * TENTHS // total > (finished - 1) * TENTHS // total:
            sys.stderr.write(f"{title}: {finished} of {total}\n")
            sys.stderr.flush()

    return advance
