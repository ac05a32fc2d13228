"""The ViTs of kaiko.ai, trained on many magnifications at once; their licence is not in any registry.

Two copies of L/14 are on the hub. TRIDENT takes the one of 518 px and resamples its positions at 224 px;
tiatoolbox takes the one of 224 px. They are two cards.
"""

from __future__ import annotations

from extract.encoders.card import EncoderCard

_HUB = "1aurent/{}.kaiko_ai_towards_large_pathology_fms"


def _card(name: str, dim: int, model: str, side_px: int = 224, hub: str | None = None) -> EncoderCard:
    return EncoderCard(
        name=f"kaiko_{name}",
        title=f"kaiko {name}, {model}" + (f" with positions of {side_px} px" if side_px != 224 else ""),
        modality="slides",
        dim=dim,
        input_px=224,
        normalisation="half",
        precision="f32",
        variant="cls",
        variants=("cls", "cls+mean"),
        licence="of kaiko.ai (unverified)",
        gated=False,
        hub_id=_HUB.format(hub or model),
        loader="extract.encoders.tiles_timm:load",
        source="kaiko.ai et al. 2024 (arXiv 2404.15217); TRIDENT's loader",
        weights_needed=True,
        requires=("torch", "timm"),
        companions=(),
        architecture={
            "model": model,
            "arguments": {"img_size": side_px, "num_classes": 0, "dynamic_img_size": True},
        },
    )


CARDS = (
    _card("s8", 384, "vit_small_patch8_224"),
    _card("s16", 384, "vit_small_patch16_224"),
    _card("b8", 768, "vit_base_patch8_224"),
    _card("b16", 768, "vit_base_patch16_224"),
    _card("l14", 1024, "vit_large_patch14_reg4_dinov2", side_px=518),
    _card("l14_224", 1024, "vit_large_patch14_reg4_dinov2", hub="vit_large_patch14_reg4_224"),
)
