"""What a stack would say from some of its modalities only: the ground of the table of all subsets.

Enters: a fitted stack, the train part it was fitted on. Leaves: for each subset of its modalities the stack
of those of its arms that read nothing else. Weights are learned anew for each subset on the same out-of-fold
risks; no arm is fitted again. Arms of several modalities at once were fitted on all of them, so they stand in
the subset of all alone; a subset that no arm reads is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from jaxtyping import Int

from fuse.cases import Cases
from fuse.fusion.late import FittedLate, fit_late
from fuse.outcomes.outcomes import Outcome

#: Of more modalities (63 subsets and more) only the single ones, all but one, and all are looked at.
MOST_MODALITIES = 5


def subset_stacks(
    late: FittedLate, train: Cases, outcome: Outcome, inner: Int[np.ndarray, " case"]
) -> dict[tuple[str, ...], FittedLate]:
    """Return the stack of every subset from which some arm can say anything.

    Parameters
    ----------
    late
        The stack of all modalities.
    train, outcome, inner
        The train part that it was fitted on.
    """
    modalities = tuple(sorted({name for arm in late.arms.values() for name in arm.modalities}))
    stacks = {}
    for subset in subsets_of(modalities):
        arms = {name: arm for name, arm in late.arms.items() if set(arm.modalities) <= set(subset)}
        if not arms:
            continue
        stacks[subset] = late if subset == modalities else fit_late(arms, train, outcome, inner)
    return stacks


def subsets_of(modalities: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the non-empty subsets, the smallest first."""
    count = len(modalities)
    every = tuple(range(1, count + 1))
    for size in every if count <= MOST_MODALITIES else (1, count - 1, count):
        yield from combinations(modalities, size)
