"""A Transformer over the tiles of a case, after TransMIL (`aggregators/latent_transformer.py`: what differs).

Enters: the bags of one modality. Leaves: a risk of each case and the attention of its tiles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fuse.models.bag_model import BAG_OPTIONS, BagLearner, BagShape
from fuse.models.card import CLASSES, TIMES, ModelCard, Options
from fuse.models.heads.head import Head

if TYPE_CHECKING:
    from fuse.models.aggregators.aggregator import Aggregator

NAME = "transmil"
SHAPE = BagShape()


def build(modalities: tuple[str, ...], options: Options) -> BagLearner:
    """Return the learner with the options that a protocol sets."""
    shape = SHAPE.with_options(options, NAME)
    return BagLearner(name=NAME, modalities=modalities, aggregate=_aggregate, shape=shape)


def _aggregate(shape: BagShape, head: Head) -> Aggregator:
    from fuse.models.aggregators.latent_transformer import LatentTransformer

    return LatentTransformer(shape.hidden, head.width, shape.dropout)


CARD = ModelCard(
    name=NAME,
    title="Transformer over tiles, through latent tokens",
    reads="tiles",
    modalities="one",
    needs=("torch",),
    source="Shao et al. 2021, arXiv 2106.00908; latents: Jaegle et al. 2021, arXiv 2103.03206",
    options=BAG_OPTIONS,
    endpoints=(*TIMES, *CLASSES),
    build=build,
)
