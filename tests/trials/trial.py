"""What a trial is: a function that breaks something on purpose and says how often that went unnoticed.

Enters: a work folder, counts, a seed. Leaves: measured rows, each with the number of misses and a bar. What
was missed is printed as it is found, so that a red row can be made again from its seed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from extract.progress import progress
from tests.measurement import Measured

#: Only so many misses of one kind are printed.
SHOWN = 5
#: Characters of what is printed of one.
LONGEST = 900


@dataclass(frozen=True)
class Counts:
    """How often: `runs` kills, faults or cases; `each` is what one run holds, such as steps or writers."""

    runs: int
    each: int = 1


TrialFunction = Callable[[Path, Counts, int], list[Measured]]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A trial with its name in facts/reliability.md section 6, and the counts of its two forms.

    `quick` is None where the trial has no quick form.
    """

    name: str
    function: TrialFunction
    full: Counts
    quick: Counts | None

    def run(self, work: Path, counts: Counts, seed: int) -> list[Measured]:
        """Run it in a folder of its own."""
        work.mkdir(parents=True)
        return self.function(work, counts, seed)


@dataclass
class Tally:
    """Misses of one trial by what was missed; a key that was counted at all gives a row."""

    area: str
    source: str
    misses: dict[str, int] = field(default_factory=dict)

    def count(self, what: str, missed: bool, detail: str = "") -> None:
        """Count one attempt: `missed` is whether it went wrong; `detail` says how to look at it."""
        self.misses[what] = self.misses.get(what, 0) + missed
        if missed and self.misses[what] <= SHOWN:
            sys.stderr.write(f"  MISSED {self.area}{what}: {_shortened(detail)}\n")

    def rows(self) -> list[Measured]:
        """Return a row for each kind of miss: none may be left."""
        return [
            Measured(
                name=f"{self.area}{what}",
                value=missed,
                unit="misses",
                bar="0",
                met=missed == 0,
                input=self.source,
            )
            for what, missed in self.misses.items()
        ]


def _shortened(text: str) -> str:
    """Keep the beginning and the end: what it was, and the last line of what was said."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 3]} ... {text[-LONGEST * 2 // 3 :]}"


@contextmanager
def told(title: str, total: int) -> Iterator[Callable[[], None]]:
    """Yield a call for each attempt that is over: a line every tenth on stderr."""
    with progress(title, total) as advance:
        yield advance
