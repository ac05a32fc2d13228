"""The ViT-S of Lunit, trained by DINO on histology."""

from __future__ import annotations

from extract.encoders.card import EncoderCard


def _card(patch: int) -> EncoderCard:
    model = f"vit_small_patch{patch}_224"
    return EncoderCard(
        name=f"lunit_s{patch}",
        title=f"Lunit, ViT-S/{patch} by DINO",
        modality="slides",
        dim=384,
        input_px=224,
        mpp=(0.5,),
        normalisation="lunit",
        precision="f32",
        variant="cls",
        variants=("cls", "cls+mean"),
        licence="Lunit non-commercial",
        gated=False,
        commercial=False,
        hub_id=f"1aurent/{model}.lunit_dino",
        loader="extract.encoders.tiles_timm:load",
        source="Kang et al. 2023 (arXiv 2212.04690); TRIDENT's loader",
        weights_needed=True,
        requires=("torch", "timm"),
        companions=(),
        architecture={
            "model": model,
            "arguments": {"img_size": 224, "num_classes": 0, "dynamic_img_size": True},
        },
    )


CARDS = (_card(8), _card(16))
