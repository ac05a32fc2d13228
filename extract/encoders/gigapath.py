"""Prov-GigaPath and GigaPath-flash, tile networks: the middle 224 px of a tile of 256 px.

The makers resize to 256 and crop to 224; a tile of 256 px stays as it is. Resized to 224 instead it would
show another field of view (some loaders of timm do). That the flash model wants the same 0.5 um is
unverified.
"""

from __future__ import annotations

from extract.encoders.card import EncoderCard

GIGAPATH = EncoderCard(
    name="gigapath",
    title="Prov-GigaPath, ViT-g/16, the middle 224 of 256 px",
    modality="slides",
    dim=1536,
    input_px=256,
    mpp=(0.5,),
    normalisation="imagenet",
    precision="f16",
    variant="cls",
    variants=("cls", "cls+mean"),
    licence="Apache-2.0 with conditions",
    gated=True,
    commercial=False,
    hub_id="prov-gigapath/prov-gigapath",
    loader="extract.encoders.tiles_timm:load",
    source="Xu et al. 2024, Nature; model card; commercial use as the registry of lazyslide reads it",
    weights_needed=True,
    requires=("torch", "timm"),
    weight_file="pytorch_model.bin",
    companions=(),
    architecture={
        "model": "vit_giant_patch14_dinov2",
        "arguments": {
            "img_size": 224,
            "patch_size": 16,
            "embed_dim": 1536,
            "depth": 40,
            "num_heads": 24,
            "mlp_ratio": 5.33334,
            "init_values": 1e-5,
            "num_classes": 0,
            "dynamic_img_size": True,
        },
        "view": {"crop_px": 224},
    },
)

FLASH = EncoderCard(
    name="gigapath_flash",
    title="GigaPath-flash, ViT-S/16, the middle 224 of 256 px",
    modality="slides",
    dim=384,
    input_px=256,
    mpp=(0.5,),
    normalisation="imagenet",
    precision="f16",
    variant="cls",
    variants=("cls", "cls+mean"),
    licence="Apache-2.0",
    gated=True,
    commercial=True,
    hub_id="prov-gigapath/prov-gigapath-flash",
    loader="extract.encoders.tiles_timm:load",
    source="TRIDENT's loader of it; 0.5 um unverified",
    weights_needed=True,
    requires=("torch", "timm"),
    weight_file="pytorch_model.bin",
    companions=(),
    architecture={
        "model": "vit_small_patch16_224",
        "arguments": {
            "img_size": 224,
            "mlp_ratio": 5.333333333333333,
            "mlp_layer": "SwiGLUPacked",
            "act_layer": "SiLU",
            "init_values": 1e-5,
            "num_classes": 0,
            "dynamic_img_size": True,
        },
        "view": {"crop_px": 224},
    },
)

CARDS = (GIGAPATH, FLASH)
