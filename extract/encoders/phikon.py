"""Phikon: ViT-B/16 trained by iBOT, of Owkin; runs without torchvision."""

from __future__ import annotations

from extract.encoders.card import EncoderCard

CARD = EncoderCard(
    name="phikon",
    title="Phikon, ViT-B/16",
    modality="slides",
    dim=768,
    input_px=224,
    mpp=(0.5,),
    normalisation="imagenet",
    precision="f32",
    variant="cls",
    variants=("cls", "cls+mean"),
    licence="Owkin non-commercial",
    gated=False,
    commercial=False,
    hub_id="owkin/phikon",
    loader="extract.encoders.tiles_transformers:load",
    source="Filiot et al. 2023 (medRxiv 2023.07.21.23292757); model card",
    weights_needed=True,
    requires=("torch", "transformers"),
    companions=("config.json",),
    architecture={"model_type": "vit", "hidden_size": 768, "patch_size": 16},
)
