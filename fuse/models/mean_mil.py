"""Mean pooling on tiles: the line that attention has to beat.

Enters: the bags of one modality. Leaves: a risk of each case to which every tile adds alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fuse.models.bag_model import BAG_OPTIONS, BagLearner, BagShape
from fuse.models.card import CLASSES, TIMES, ModelCard, Options
from fuse.models.heads.head import Head

if TYPE_CHECKING:
    from fuse.models.aggregators.aggregator import Aggregator

NAME = "mean_mil"
SHAPE = BagShape()


def build(modalities: tuple[str, ...], options: Options) -> BagLearner:
    """Return the learner with the options that a protocol sets."""
    shape = SHAPE.with_options(options, NAME)
    return BagLearner(name=NAME, modalities=modalities, aggregate=_aggregate, shape=shape)


def _aggregate(shape: BagShape, head: Head) -> Aggregator:
    from fuse.models.aggregators.mean import Mean

    return Mean(shape.hidden, head.width, shape.dropout)


CARD = ModelCard(
    name=NAME,
    title="Mean of embedded tiles",
    reads="tiles",
    modalities="one",
    needs=("torch",),
    source="Wang et al. 2018, arXiv 1610.02501 (embedding-level mean)",
    options=BAG_OPTIONS,
    endpoints=(*TIMES, *CLASSES),
    build=build,
)
