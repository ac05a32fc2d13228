"""RudolfV-2 of Aignostics in three sizes: listed with what is known. How its code is called, is not.

slide2vec rebuilds its forward pass out of its makers' modules; that is not copied here.
"""

from __future__ import annotations

from extract.encoders.card import EncoderCard


def _card(suffix: str, dim: int, revision: str) -> EncoderCard:
    return EncoderCard(
        name=f"rudolf_v2{suffix.lower().replace('-', '_')}",
        title=f"RudolfV-2{suffix}, ViT/8 with 8 registers, code of its makers",
        modality="slides",
        dim=dim,
        input_px=224,
        mpp=(0.5, 0.25, 1.0, 2.0),
        normalisation="rudolf",
        precision="f32",
        variant="cls",
        variants=("cls", "cls+mean"),
        licence="CC-BY-NC-ND-4.0 and terms",
        gated=True,
        commercial=False,
        hub_id=f"Aignostics/RudolfV-2{suffix}",
        revision=revision,
        loader="extract.encoders.tiles_makers:load",
        source="registry of lazyslide-models; sizes, scales and revision as in slide2vec",
        weights_needed=True,
        requires=("torch", "transformers"),
        companions=("config.json", "*.py"),
        makers_code=True,
        architecture={"call": "unknown"},
    )


CARDS = (
    _card("", 1536, "482d9519c6a10fc22fbe5bcd6a87d5daf056643c"),
    _card("-B", 768, "b2cb55c8fff8aaaf9cc16fda6d09bfb21dfc6db8"),
    _card("-S", 384, "76abacd512a98c72a6db6192af9fc98313c3bd78"),
)
