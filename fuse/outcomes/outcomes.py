"""The outcomes of a part of a cohort, one class for each kind of endpoint. Row i is case i of the part.

Enters: what `endpoint.py` read. Leaves: frozen values that learners and metrics share. A further endpoint of
the same cases may stand beside the one that is evaluated, for models that learn several at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from jaxtyping import Bool, Float, Int


@dataclass(frozen=True, kw_only=True)
class Beside:
    """A further endpoint of the same cases; `known` (case,) says who has an outcome of it.

    Rows that are not known hold a placeholder that nothing may read.
    """

    outcome: Outcome
    known: Bool[np.ndarray, " case"]

    def take(self, rows: Int[np.ndarray, " k"]) -> Beside:
        """Return the endpoint of some cases."""
        return Beside(outcome=self.outcome.take(rows), known=self.known[rows])


@dataclass(frozen=True, kw_only=True)
class Survival:
    """Right-censored outcomes. Order is always (event, time); True = observed; time in days, > 0.

    `entry_days` (case,): at risk from the end of this day on, < `time_days`; None where everybody is from the
    start. What is estimated from risk sets has to honour it (left truncation).
    """

    event: Bool[np.ndarray, " case"]
    time_days: Float[np.ndarray, " case"]
    entry_days: Float[np.ndarray, " case"] | None = None
    beside: Mapping[str, Beside] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of cases."""
        return len(self.event)

    @property
    def n_events(self) -> int | None:
        """How many cases had the event (that of interest)."""
        return int(self.event.sum())

    def take(self, rows: Int[np.ndarray, " k"]) -> Self:
        """Return the outcomes of some cases."""
        beside = {name: other.take(rows) for name, other in self.beside.items()}
        entry = None if self.entry_days is None else self.entry_days[rows]
        return replace(
            self, event=self.event[rows], time_days=self.time_days[rows], entry_days=entry, beside=beside
        )


@dataclass(frozen=True, kw_only=True)
class Competing(Survival):
    """Times to the first of several causes; `event` is that of the first cause, the one of interest.

    `cause` (case,): 0 where nothing was observed, k where `causes[k - 1]` was.
    """

    cause: Int[np.ndarray, " case"]
    causes: tuple[str, ...]

    def take(self, rows: Int[np.ndarray, " k"]) -> Self:
        """Return the outcomes of some cases."""
        return replace(super().take(rows), cause=self.cause[rows])


def stack_times(parts: Sequence[Survival]) -> Survival:
    """Return the outcomes of several parts below each other, in all that is known of them but what is beside.

    The parts are of one endpoint: of each there are causes, or of none; of each entry days, or of none.
    """
    whole = replace(
        parts[0],
        event=np.concatenate([part.event for part in parts]),
        time_days=np.concatenate([part.time_days for part in parts]),
        beside={},
    )
    entered = [part.entry_days for part in parts if part.entry_days is not None]
    if entered:
        whole = replace(whole, entry_days=np.concatenate(entered))
    if isinstance(whole, Competing):
        causes = [part.cause for part in parts if isinstance(part, Competing)]
        whole = replace(whole, cause=np.concatenate(causes))
    return whole


@dataclass(frozen=True, kw_only=True)
class Classes:
    """One of several classes; of a binary endpoint `names` are (no, yes). `label` (case,) counts from 0."""

    label: Int[np.ndarray, " case"]
    names: tuple[str, ...]
    beside: Mapping[str, Beside] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of cases."""
        return len(self.label)

    @property
    def n_events(self) -> int | None:
        """How many cases are a yes; None where there are more classes than two."""
        return int((self.label == 1).sum()) if len(self.names) == 2 else None

    def take(self, rows: Int[np.ndarray, " k"]) -> Self:
        """Return the outcomes of some cases."""
        beside = {name: other.take(rows) for name, other in self.beside.items()}
        return replace(self, label=self.label[rows], beside=beside)


Outcome = Survival | Classes
