"""H0-mini: ViT-B/14 with 4 registers, taught by H-optimus-0.

TRIDENT takes cls, slide2vec and lazyslide cls+mean. The width of its MLP is the one that gives 86 million
parameters, and unverified: weights of another width are refused by their shapes.
"""

from __future__ import annotations

from extract.encoders.card import EncoderCard

CARD = EncoderCard(
    name="h0_mini",
    title="H0-mini, ViT-B/14 with 4 registers",
    modality="slides",
    dim=1536,
    input_px=224,
    mpp=(0.5,),
    normalisation="h_optimus",
    precision="f16",
    variant="cls+mean",
    variants=("cls+mean", "cls"),
    licence="CC-BY-NC-ND-4.0",
    gated=True,
    commercial=False,
    hub_id="bioptimus/H0-mini",
    loader="extract.encoders.tiles_timm:load",
    source="Filiot et al. 2025 (arXiv 2501.16239); model card; mlp_ratio unverified",
    weights_needed=True,
    requires=("torch", "timm"),
    companions=(),
    architecture={
        "model": "vit_base_patch14_reg4_dinov2",
        "arguments": {
            "img_size": 224,
            "mlp_ratio": 5.33334,
            "mlp_layer": "SwiGLUPacked",
            "act_layer": "SiLU",
            "init_values": 1e-5,
            "num_classes": 0,
        },
    },
)
