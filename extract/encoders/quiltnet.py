"""QuiltNet: CLIP trained on videos of pathologists, image tower alone.

Pixels, normalisation and licence stand in no source that was read (unverified): they are CLIP's and
lazyslide's.
"""

from __future__ import annotations

from extract.encoders.card import EncoderCard


def _card(patch: int) -> EncoderCard:
    return EncoderCard(
        name=f"quiltnet_b{patch}",
        title=f"QuiltNet-B-{patch}, CLIP ViT-B/{patch}, projected; no resolution stated",
        modality="slides",
        dim=512,
        input_px=224,
        normalisation="clip",
        precision="f32",
        variant="projected",
        variants=("projected",),
        licence="MIT (unverified)",
        gated=False,
        commercial=True,
        hub_id=f"wisdomik/QuiltNet-B-{patch}",
        loader="extract.encoders.tiles_open_clip:load",
        source="Ikezogwo et al. 2023 (arXiv 2306.11207); registry of lazyslide-models",
        weights_needed=True,
        requires=("torch", "timm"),
        weight_file="open_clip_pytorch_model.bin",
        companions=("open_clip_config.json",),
        architecture={
            "model": f"vit_base_patch{patch}_clip_224",
            "arguments": {"num_classes": 512},
            "names": "openai",
            "vision_cfg": {"image_size": 224, "layers": 12, "width": 768, "patch_size": patch},
        },
    )


CARDS = (_card(16), _card(32))
