"""What stage 2 computes on: cases with tables and bags for each modality, and what is predicted of them.

Enters: arrays that `table.py` and `bags.py` made from the cache. Leaves: frozen values that models,
fusion and metrics share. Row i is the same case everywhere. Nothing here is fitted.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int

from fuse.features.tile_order import canonical_order
from fuse.outcomes.outcomes import Survival

if TYPE_CHECKING:
    from fuse.models.design import Design, Filled


@dataclass(frozen=True, kw_only=True)
class Bags:
    """All tiles of all cases packed into one array (float16 or float32, may be memory-mapped).

    Case i owns `tiles[start[i]:stop[i]]`; an empty slice is a case without this modality. `order` (tile,)
    holds the rows of `tiles` such that `order[start[i]:stop[i]]` are those of case i in canonical order
    (`tile_order.py`); None where nobody has sorted them yet.
    """

    tiles: Float[np.ndarray, "tile dim"]
    start: Int[np.ndarray, " case"]
    stop: Int[np.ndarray, " case"]
    order: Int[np.ndarray, " tile"] | None = None

    def take(self, rows: Int[np.ndarray, " k"]) -> Bags:
        """Return the bags of some cases; the tiles are shared, not copied."""
        return replace(self, start=self.start[rows], stop=self.stop[rows])

    def of(self, row: int) -> Float[np.ndarray, "tile dim"]:
        """Return the tiles of one case as they lie, without a copy."""
        return self.tiles[int(self.start[row]) : int(self.stop[row])]

    def canonical(self, row: int) -> Int[np.ndarray, " k"]:
        """Return the rows of `tiles` that are one case's, in canonical order."""
        start, stop = int(self.start[row]), int(self.stop[row])
        return start + canonical_order(self.of(row)) if self.order is None else self.order[start:stop]

    def ordered(self) -> Bags:
        """Return the bags with `order`, which is made where it is not there yet."""
        if self.order is not None:
            return self
        order = np.arange(len(self.tiles))
        for row in range(len(self.start)):
            order[int(self.start[row]) : int(self.stop[row])] = self.canonical(row)
        return replace(self, order=order)


@dataclass(frozen=True, kw_only=True)
class Modality:
    """One feature set of one modality over all cases.

    `name` is its label among the arms (see `labels.py`). `values` is (case, column) float64, NaN where not
    observed: clinical variables on their fixed scale, the mean embedding of a bag or a note, the regions of
    volumes side by side. Rows of cases with `present` False are all NaN. `scale_columns` says whether columns
    are in units of their own and must be standardised (clinical values, measured features) or share one scale
    that carries meaning (n-gram counts, a network's output). `designs` are those that were fitted on these
    very rows, and `filled` are these rows as one design fills them (see `models/design.py`), so that arms of
    one train part share them.
    """

    name: str
    feature_set: str
    present: Bool[np.ndarray, " case"]
    columns: tuple[str, ...]
    values: Float[np.ndarray, "case column"]
    scale_columns: bool = True
    bags: Bags | None = None
    designs: dict[bool, Design] = field(default_factory=dict, init=False, repr=False, compare=False)
    filled: list[Filled] = field(default_factory=list, init=False, repr=False, compare=False)

    def take(self, rows: Int[np.ndarray, " k"]) -> Modality:
        """Return the modality for some cases."""
        return Modality(
            name=self.name,
            feature_set=self.feature_set,
            present=self.present[rows],
            columns=self.columns,
            values=self.values[rows],
            scale_columns=self.scale_columns,
            bags=None if self.bags is None else self.bags.take(rows),
        )


@dataclass(frozen=True, kw_only=True)
class ToldRisk:
    """What a scorer said of some cases; the scorer is held, so that no other one gets its identity."""

    scorer: object
    risk: Float[np.ndarray, " case *classes"]


@dataclass(frozen=True, kw_only=True)
class Cases:
    """The cases of a cohort with all their modalities.

    Remembered are `halves` (see `held_out`) and `risks`, what fitted arms said of these cases (see `arm.py`).
    """

    case_ids: tuple[str, ...]
    modalities: dict[str, Modality]
    halves: dict[bytes, tuple[Cases, Cases]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    risks: dict[int, ToldRisk] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __len__(self) -> int:
        """Return the number of cases."""
        return len(self.case_ids)

    def take(self, rows: Int[np.ndarray, " k"]) -> Cases:
        """Return some of the cases, in the order of `rows`."""
        return Cases(
            case_ids=tuple(self.case_ids[row] for row in rows),
            modalities={name: modality.take(rows) for name, modality in self.modalities.items()},
        )

    def held_out(self, held: Bool[np.ndarray, " case"]) -> tuple[Cases, Cases]:
        """Return the cases that are not held out and those that are, the same objects when asked again."""
        key = held.tobytes()
        if key not in self.halves:
            self.halves[key] = self.take(np.flatnonzero(~held)), self.take(np.flatnonzero(held))
        return self.halves[key]


@dataclass(frozen=True, kw_only=True)
class FoldPrediction:
    """What one arm said about the test part of one fold, before its outcomes were opened.

    `risk` (case,): higher = earlier, comparable within a fold only. `event_free` (case, time): probability
    of no event up to each of `times_days`. `inner_pairs` (inner fold, ranking, 2): pairs in the right order
    and comparable pairs in the inner folds of the train part, None where they are not known.
    """

    repeat: int
    fold: int
    case_ids: tuple[str, ...]
    risk: Float[np.ndarray, " case"]
    times_days: Float[np.ndarray, " time"]
    event_free: Float[np.ndarray, "case time"]
    inner_pairs: Float[np.ndarray, "inner ranking 2"] | None = None


@dataclass(frozen=True, kw_only=True)
class FoldTruth:
    """The outcomes of one fold, opened after the predictions were written; rows as in `FoldPrediction`.

    `external`: the test part is another cohort, whose follow-up says nothing of that of the train part.
    """

    repeat: int
    fold: int
    test: Survival
    train: Survival
    external: bool = False

    @property
    def reference(self) -> Survival:
        """The outcomes that censoring weights and the curve to beat are taken from.

        Those of the train part; of another cohort its own, since who is followed how long, and how many have
        the event, differs from hospital to hospital.
        """
        return self.test if self.external else self.train
