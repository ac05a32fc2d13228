"""Virchow2: ViT-H/14 with 4 registers of Paige; by default cls and the mean of the tokens."""

from __future__ import annotations

from extract.encoders.card import EncoderCard

CARD = EncoderCard(
    name="virchow2",
    title="Virchow2, ViT-H/14 with 4 registers",
    modality="slides",
    dim=2560,
    input_px=224,
    mpp=(0.5, 0.25, 1.0, 2.0),
    normalisation="imagenet",
    precision="f16",
    variant="cls+mean",
    variants=("cls+mean", "cls"),
    licence="CC-BY-NC-ND-4.0",
    gated=True,
    commercial=False,
    hub_id="paige-ai/Virchow2",
    loader="extract.encoders.tiles_timm:load",
    source="Zimmermann et al. 2024 (arXiv 2408.00738); model card",
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
            "reg_tokens": 4,
            "num_classes": 0,
            "dynamic_img_size": True,
        },
    },
)
