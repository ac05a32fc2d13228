"""Virchow: ViT-H/14 of Paige; by default cls and the mean of the tokens. PRISM is made of these vectors."""

from __future__ import annotations

from extract.encoders.card import EncoderCard

CARD = EncoderCard(
    name="virchow",
    title="Virchow, ViT-H/14",
    modality="slides",
    dim=2560,
    input_px=224,
    mpp=(0.5,),
    normalisation="imagenet",
    precision="f16",
    variant="cls+mean",
    variants=("cls+mean", "cls"),
    licence="Apache-2.0",
    gated=True,
    commercial=True,
    hub_id="paige-ai/Virchow",
    loader="extract.encoders.tiles_timm:load",
    source="Vorontsov et al. 2024, Nature Medicine; model card",
    weights_needed=True,
    requires=("torch", "timm"),
    companions=(),
    architecture={
        "model": "vit_huge_patch14_224",
        "arguments": {
            "img_size": 224,
            "mlp_ratio": 5.3375,
            "mlp_layer": "SwiGLUPacked",
            "act_layer": "SiLU",
            "init_values": 1e-5,
            "num_classes": 0,
            "dynamic_img_size": True,
        },
    },
)
