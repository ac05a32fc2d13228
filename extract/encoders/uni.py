"""UNI: ViT-L/16 of Mahmood Lab."""

from __future__ import annotations

from extract.encoders.card import EncoderCard

CARD = EncoderCard(
    name="uni",
    title="UNI, ViT-L/16",
    modality="slides",
    dim=1024,
    input_px=224,
    mpp=(0.5,),
    normalisation="imagenet",
    precision="f16",
    variant="cls",
    variants=("cls", "cls+mean"),
    licence="CC-BY-NC-ND-4.0",
    gated=True,
    commercial=False,
    hub_id="MahmoodLab/UNI",
    loader="extract.encoders.tiles_timm:load",
    source="Chen et al. 2024, Nature Medicine; model card",
    weights_needed=True,
    requires=("torch", "timm"),
    companions=(),
    architecture={
        "model": "vit_large_patch16_224",
        "arguments": {"img_size": 224, "init_values": 1e-5, "num_classes": 0, "dynamic_img_size": True},
    },
)
