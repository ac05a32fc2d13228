"""GPFM: ViT-L/14, taught by several foundation models at once."""

from __future__ import annotations

from extract.encoders.card import EncoderCard

CARD = EncoderCard(
    name="gpfm",
    title="GPFM, ViT-L/14",
    modality="slides",
    dim=1024,
    input_px=224,
    mpp=(0.5,),
    normalisation="imagenet",
    precision="f16",
    variant="cls",
    variants=("cls", "cls+mean"),
    licence="CC-BY-NC-ND-4.0",
    gated=False,
    commercial=False,
    hub_id="majiabo/GPFM",
    loader="extract.encoders.tiles_timm:load",
    source="Ma et al. 2024 (arXiv 2407.18449); TRIDENT's loader",
    weights_needed=True,
    requires=("torch", "timm"),
    weight_file="GPFM.pth",
    companions=(),
    architecture={
        "model": "vit_large_patch14_dinov2",
        "arguments": {"img_size": 224, "init_values": 1e-5, "num_classes": 0},
        "names": "dinov2",
    },
)
