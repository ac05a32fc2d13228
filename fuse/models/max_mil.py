"""Max pooling on tiles: each hidden unit reads the one tile that excites it most.

Enters: the bags of one modality. Leaves: a risk of each case. A larger bag has higher maxima: where sizes
differ much from case to case, top-k (a share of the bag) is the sounder choice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fuse.models.bag_model import BAG_OPTIONS, BagLearner, BagShape
from fuse.models.card import CLASSES, TIMES, ModelCard, Options
from fuse.models.heads.head import Head

if TYPE_CHECKING:
    from fuse.models.aggregators.aggregator import Aggregator

NAME = "max_mil"
SHAPE = BagShape()

#: 0: one tile a unit.
SHARE = 0.0


def build(modalities: tuple[str, ...], options: Options) -> BagLearner:
    """Return the learner with the options that a protocol sets."""
    shape = SHAPE.with_options(options, NAME)
    return BagLearner(name=NAME, modalities=modalities, aggregate=_aggregate, shape=shape)


def _aggregate(shape: BagShape, head: Head) -> Aggregator:
    from fuse.models.aggregators.highest import Highest

    return Highest(shape.hidden, head.width, shape.dropout, SHARE)


CARD = ModelCard(
    name=NAME,
    title="Maximum over tiles",
    reads="tiles",
    modalities="one",
    needs=("torch",),
    source="Wang et al. 2018, arXiv 1610.02501 (embedding-level maximum)",
    options=BAG_OPTIONS,
    endpoints=(*TIMES, *CLASSES),
    build=build,
)
