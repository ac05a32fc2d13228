"""CLAM on tiles: gated attention that must also tell its most from its least attended tiles.

Enters: the bags of one modality. Leaves: a risk of each case, the attention of its tiles and what each of
them contributes. CLAM's instance loss needs the class of a bag. Of classes it is the class; of times it is
whether the event came by the train part's median event time (1), or the case is known to be free of it then
(0); who was censored before has no class and no instance loss. Nobody outside the train part is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from jaxtyping import Float, Int

from fuse.models.bag_model import BAG_OPTIONS, BagLearner, BagShape
from fuse.models.card import CLASSES, TIMES, ModelCard, Options
from fuse.models.heads.head import Head
from fuse.outcomes.outcomes import Classes, Outcome

if TYPE_CHECKING:
    import torch

    from fuse.models.aggregators.aggregator import Aggregator
    from fuse.models.aggregators.instance_attention import InstanceAttention
    from fuse.models.aggregators.packing import Packing
    from fuse.models.bag_network import BagNetwork

NAME = "clam"
SHAPE = BagShape()

#: CLAM's own: 8 tiles on each side, .7 of the loss for the bag and .3 for its tiles.
FEW_TILES = 8
BAG_WEIGHT = 0.7


class HeadAndInstances:
    """A head whose output has one more column in training: the instance loss of each bag.

    `class_of_case` (case,) is that of the train part's bags, -1 where it is unknown.
    """

    def __init__(self, head: Head, class_of_case: Int[np.ndarray, " case"]) -> None:
        self.head = head
        self.width = head.width
        self.class_of_case = class_of_case

    def loss(self, output: torch.Tensor, rows: Int[np.ndarray, " k"]) -> torch.Tensor:
        """Return the weighted sum of both losses; without a known class the head's alone."""
        of_bags = self.head.loss(output[:, :-1], rows)
        known = int((self.class_of_case[rows] >= 0).sum())
        of_tiles = output[:, -1].sum() / max(1, known)
        return BAG_WEIGHT * of_bags + (1.0 - BAG_WEIGHT) * of_tiles

    def risk(self, output: Float[np.ndarray, "case width"]) -> Float[np.ndarray, " case *classes"]:
        """Return the head's risk; scoring has no further column."""
        return self.head.risk(output)


@dataclass(frozen=True, kw_only=True)
class ClamLearner(BagLearner):
    """A bag model with CLAM's instance loss."""

    def make_head(self, outcome: Outcome) -> Head:
        """Return the head for a train part, with the classes that its tiles are judged by."""
        return HeadAndInstances(super().make_head(outcome), class_of_bags(outcome))

    def say(
        self,
        network: BagNetwork,
        tiles: torch.Tensor,
        packing: Packing,
        head: Head,
        rows: Int[np.ndarray, " k"],
    ) -> torch.Tensor:
        """Return what the network says of cases `rows`, and the instance loss of each."""
        import torch

        classes = torch.from_numpy(cast(HeadAndInstances, head).class_of_case[rows])
        aggregator = cast("InstanceAttention", network.aggregator)
        embedded = network.embed(tiles)
        of_tiles = aggregator.instance_losses(embedded, packing, classes)
        return torch.cat([aggregator(embedded, packing), of_tiles[:, None]], dim=1)


def class_of_bags(outcome: Outcome) -> Int[np.ndarray, " case"]:
    """Return the class of each case of a train part, -1 where it is unknown."""
    if isinstance(outcome, Classes):
        return outcome.label.astype(np.int64)
    middle = float(np.median(outcome.time_days[outcome.event]))
    early = outcome.event & (outcome.time_days <= middle)
    return np.where(early, 1, np.where(outcome.time_days > middle, 0, -1)).astype(np.int64)


def build(modalities: tuple[str, ...], options: Options) -> BagLearner:
    """Return the learner with the options that a protocol sets."""
    shape = SHAPE.with_options(options, NAME)
    return ClamLearner(name=NAME, modalities=modalities, aggregate=_aggregate, shape=shape)


def _aggregate(shape: BagShape, head: Head) -> Aggregator:
    from fuse.models.aggregators.instance_attention import InstanceAttention

    classes = max(2, int(cast(HeadAndInstances, head).class_of_case.max()) + 1)
    return InstanceAttention(shape.hidden, head.width, shape.dropout, classes, FEW_TILES)


CARD = ModelCard(
    name=NAME,
    title="CLAM on tiles (single branch)",
    reads="tiles",
    modalities="one",
    needs=("torch",),
    source="Lu et al. 2021, doi 10.1038/s41551-020-00682-w (instance loss: cross-entropy)",
    options=BAG_OPTIONS,
    endpoints=(*TIMES, *CLASSES),
    build=build,
)
