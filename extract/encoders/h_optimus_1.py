"""H-optimus-1: ViT-g/14 with 4 registers of Bioptimus, built as H-optimus-0."""

from __future__ import annotations

from extract.encoders.card import EncoderCard

CARD = EncoderCard(
    name="h_optimus_1",
    title="H-optimus-1, ViT-g/14 with 4 registers",
    modality="slides",
    dim=1536,
    input_px=224,
    mpp=(0.5,),
    normalisation="h_optimus",
    precision="f16",
    variant="cls",
    variants=("cls", "cls+mean"),
    licence="CC-BY-NC-ND-4.0",
    gated=True,
    commercial=False,
    hub_id="bioptimus/H-optimus-1",
    loader="extract.encoders.tiles_timm:load",
    source="model card of bioptimus/H-optimus-1",
    weights_needed=True,
    requires=("torch", "timm"),
    companions=(),
    architecture={
        # its own arguments: patch 14, 1536 wide, 40 deep, 24 heads, SwiGLU, 4 registers, no_embed_class
        "model": "vit_giant_patch14_reg4_dinov2",
        "arguments": {"img_size": 224, "init_values": 1e-5, "num_classes": 0, "dynamic_img_size": False},
    },
)
