"""Additive MIL on tiles: a non-linear term a tile under its attention, and their sum.

Enters: the bags of one modality. Leaves: a risk of each case that splits into the terms of its tiles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fuse.models.bag_model import BAG_OPTIONS, BagLearner, BagShape
from fuse.models.card import CLASSES, TIMES, ModelCard, Options
from fuse.models.heads.head import Head

if TYPE_CHECKING:
    from fuse.models.aggregators.aggregator import Aggregator

NAME = "additive_mil"
SHAPE = BagShape()


def build(modalities: tuple[str, ...], options: Options) -> BagLearner:
    """Return the learner with the options that a protocol sets."""
    shape = SHAPE.with_options(options, NAME)
    return BagLearner(name=NAME, modalities=modalities, aggregate=_aggregate, shape=shape)


def _aggregate(shape: BagShape, head: Head) -> Aggregator:
    from fuse.models.aggregators.additive import Additive

    return Additive(shape.hidden, head.width, shape.dropout)


CARD = ModelCard(
    name=NAME,
    title="Additive MIL on tiles",
    reads="tiles",
    modalities="one",
    needs=("torch",),
    source="Javed et al. 2022, arXiv 2206.01794",
    options=BAG_OPTIONS,
    endpoints=(*TIMES, *CLASSES),
    build=build,
)
