"""Phikon-v2: ViT-L/16 trained by DINOv2, of Owkin; runs without torchvision."""

from __future__ import annotations

from extract.encoders.card import EncoderCard

CARD = EncoderCard(
    name="phikon_v2",
    title="Phikon-v2, ViT-L/16",
    modality="slides",
    dim=1024,
    input_px=224,
    mpp=(0.5,),
    normalisation="imagenet",
    precision="f32",
    variant="cls",
    variants=("cls", "cls+mean"),
    licence="Owkin non-commercial",
    gated=False,
    commercial=False,
    hub_id="owkin/phikon-v2",
    loader="extract.encoders.tiles_transformers:load",
    source="Filiot et al. 2024 (arXiv 2409.09173); model card",
    weights_needed=True,
    requires=("torch", "transformers"),
    companions=("config.json",),
    architecture={"model_type": "dinov2", "hidden_size": 1024, "patch_size": 16},
)
