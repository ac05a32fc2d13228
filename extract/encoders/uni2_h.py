"""UNI2-h: ViT-H/14 with 8 registers of Mahmood Lab. TRIDENT runs it in bf16, slide2vec in f16: bf16 here."""

from __future__ import annotations

from extract.encoders.card import EncoderCard

CARD = EncoderCard(
    name="uni2_h",
    title="UNI2-h, ViT-H/14 with 8 registers",
    modality="slides",
    dim=1536,
    input_px=224,
    mpp=(0.5,),
    normalisation="imagenet",
    precision="bf16",
    variant="cls",
    variants=("cls", "cls+mean"),
    licence="CC-BY-NC-ND-4.0",
    gated=True,
    commercial=False,
    hub_id="MahmoodLab/UNI2-h",
    loader="extract.encoders.tiles_timm:load",
    source="model card of MahmoodLab/UNI2-h",
    weights_needed=True,
    requires=("torch", "timm"),
    companions=(),
    architecture={
        "model": "vit_giant_patch14_224",
        "arguments": {
            "img_size": 224,
            "patch_size": 14,
            "depth": 24,
            "num_heads": 24,
            "embed_dim": 1536,
            "mlp_ratio": 5.33334,
            "mlp_layer": "SwiGLUPacked",
            "act_layer": "SiLU",
            "init_values": 1e-5,
            "reg_tokens": 8,
            "no_embed_class": True,
            "num_classes": 0,
            "dynamic_img_size": True,
        },
    },
)
