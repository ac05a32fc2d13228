"""How much networks that weigh modalities let each of them count, on average over the cases that have it.

Enters: the rows of attention_weights.csv. Leaves: one line a network. A weight says what the network looked
at; what was gained by it stands beside, in the Shapley values.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fuse.report.documents import AttentionWeightRow


@dataclass(frozen=True, kw_only=True)
class AttentionLine:
    """One network: modality -> mean weight over cases and repeats."""

    arm: str
    means: Mapping[str, float]


def average_attention(rows: Sequence[AttentionWeightRow]) -> tuple[AttentionLine, ...]:
    """Return a line for each arm, in the order of the file."""
    said: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row.weight is not None:
            said[row.arm][row.modality].append(row.weight)
    return tuple(
        AttentionLine(arm=arm, means={name: float(np.mean(weights)) for name, weights in each.items()})
        for arm, each in said.items()
    )
