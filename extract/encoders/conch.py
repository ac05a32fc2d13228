"""CONCH and CONCH v1.5 of Mahmood Lab: image towers of models that also read texts.

v1.5 was trained on tiles of 512 px at 0.5 um that are made 448 px; TITAN takes it so. Both are built here
from what their code says of them (github mahmoodlab/CONCH; hub MahmoodLab/TITAN), so that none of it is run.
`pooled` is the vector before the projection, as TRIDENT and slide2vec take it.
"""

from __future__ import annotations

from extract.encoders.card import EncoderCard

CONCH = EncoderCard(
    name="conch",
    title="CONCH, ViT-B/16 with an attentional pool, before the projection",
    modality="slides",
    dim=512,
    input_px=448,
    mpp=(0.5,),
    normalisation="clip",
    precision="f32",
    variant="pooled",
    variants=("pooled", "projected"),
    licence="CC-BY-NC-ND-4.0",
    gated=True,
    commercial=False,
    hub_id="MahmoodLab/conch",
    loader="extract.encoders.tiles_timm:load",
    source="Lu et al. 2024, Nature Medicine; github mahmoodlab/CONCH",
    weights_needed=True,
    requires=("torch", "timm"),
    weight_file="pytorch_model.bin",
    companions=(),
    architecture={
        "model": "vit_base_patch16_224",
        "arguments": {"img_size": 448, "num_classes": 0, "dynamic_img_size": True},
        "head": "conch",
        "unused": [
            "text.",
            "text_decoder.",
            "logit_scale",
            "visual.attn_pool_caption.",
            "visual.ln_caption.",
        ],
    },
)

CONCH_V1_5 = EncoderCard(
    name="conch_v1_5",
    title="CONCH v1.5, ViT-L/16 with an attentional pool, tiles of 512 px made 448",
    modality="slides",
    dim=768,
    input_px=512,
    mpp=(0.5,),
    normalisation="imagenet",
    precision="f16",
    variant="pooled",
    variants=("pooled",),
    licence="CC-BY-NC-ND-4.0",
    gated=True,
    commercial=False,
    hub_id="MahmoodLab/conchv1_5",
    loader="extract.encoders.tiles_timm:load",
    source="Ding et al. 2024 (arXiv 2411.19666); code on the hub beside MahmoodLab/TITAN",
    weights_needed=True,
    requires=("torch", "timm"),
    weight_file="pytorch_model_vision.bin",
    companions=(),
    architecture={
        "model": "vit_large_patch16_224",
        "arguments": {"img_size": 448, "init_values": 1e-6, "num_classes": 0, "dynamic_img_size": True},
        "head": "conch_v1_5",
        "unused": ["trunk.head."],
        "view": {"resize_px": 448, "interpolation": "bilinear"},
    },
)

CARDS = (CONCH, CONCH_V1_5)
