"""mSTAR: ViT-L/16.

slide2vec reads its paper as 256 px at 0.5 um made 224 px; here, as for UNI, 224 px are read at 0.5 um.
"""

from __future__ import annotations

from extract.encoders.card import EncoderCard

CARD = EncoderCard(
    name="mstar",
    title="mSTAR, ViT-L/16",
    modality="slides",
    dim=1024,
    input_px=224,
    mpp=(0.5,),
    normalisation="imagenet",
    precision="f32",
    variant="cls",
    variants=("cls", "cls+mean"),
    licence="CC-BY-NC-ND-4.0",
    gated=True,
    commercial=False,
    hub_id="Wangyh/mSTAR",
    loader="extract.encoders.tiles_timm:load",
    source="Xu et al. 2024 (arXiv 2407.15362); slide2vec's loader; normalisation unverified",
    weights_needed=True,
    requires=("torch", "timm"),
    companions=(),
    architecture={
        "model": "vit_large_patch16_224",
        "arguments": {"img_size": 224, "init_values": 1e-5, "num_classes": 0, "dynamic_img_size": True},
    },
)
