"""Top-k pooling on tiles: each hidden unit reads the few tiles that excite it most.

Enters: the bags of one modality. Leaves: a risk of each case. What two tiles in a hundred show is not
diluted by the others, and no attention has to find it first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fuse.models.bag_model import BAG_OPTIONS, BagLearner, BagShape
from fuse.models.card import CLASSES, TIMES, ModelCard, Options
from fuse.models.heads.head import Head

if TYPE_CHECKING:
    from fuse.models.aggregators.aggregator import Aggregator

NAME = "top_k_mil"
SHAPE = BagShape()

#: Share of a bag that each hidden unit reads.
SHARE = 0.02


def build(modalities: tuple[str, ...], options: Options) -> BagLearner:
    """Return the learner with the options that a protocol sets."""
    shape = SHAPE.with_options(options, NAME)
    return BagLearner(name=NAME, modalities=modalities, aggregate=_aggregate, shape=shape)


def _aggregate(shape: BagShape, head: Head) -> Aggregator:
    from fuse.models.aggregators.highest import Highest

    return Highest(shape.hidden, head.width, shape.dropout, SHARE)


CARD = ModelCard(
    name=NAME,
    title="Highest tiles of each hidden unit",
    reads="tiles",
    modalities="one",
    needs=("torch",),
    source="Courtiol et al. 2018, arXiv 1802.02212 (highest tiles), here of each hidden unit",
    options=BAG_OPTIONS,
    endpoints=(*TIMES, *CLASSES),
    build=build,
)
