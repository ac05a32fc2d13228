"""Attention-MIL on the tiles of slides: gated attention says how much each tile counts.

Enters: the bags of one modality. Leaves: a risk of each case, the attention of its tiles and what each of
them contributes, exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fuse.models.bag_model import BAG_OPTIONS, BagLearner, BagShape
from fuse.models.card import CLASSES, TIMES, ModelCard, Options
from fuse.models.heads.head import Head

if TYPE_CHECKING:
    from fuse.models.aggregators.aggregator import Aggregator

NAME = "attention_mil"
SHAPE = BagShape()


def build(modalities: tuple[str, ...], options: Options) -> BagLearner:
    """Return the learner with the options that a protocol sets."""
    shape = SHAPE.with_options(options, NAME)
    return BagLearner(name=NAME, modalities=modalities, aggregate=_aggregate, shape=shape)


def _aggregate(shape: BagShape, head: Head) -> Aggregator:
    from fuse.models.aggregators.gated_attention import GatedAttention

    return GatedAttention(shape.hidden, head.width, shape.dropout)


CARD = ModelCard(
    name=NAME,
    title="Attention-MIL on tiles",
    reads="tiles",
    modalities="one",
    needs=("torch",),
    source="Ilse, Tomczak, Welling 2018, arXiv 1802.04712, equation 9 (gated)",
    options=BAG_OPTIONS,
    endpoints=(*TIMES, *CLASSES),
    build=build,
)
