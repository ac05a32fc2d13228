"""Hibou-B and Hibou-L of HistAI: DINOv2 with registers, in code of their makers that lies beside the weights.

TRIDENT found that this code imports what transformers 5 no longer has: an environment with transformers 4
runs it.
"""

from __future__ import annotations

from extract.encoders.card import EncoderCard


def _card(size: str, dim: int, hub_id: str) -> EncoderCard:
    return EncoderCard(
        name=f"hibou_{size.lower()}",
        title=f"Hibou-{size}, ViT-{size}/14 with registers, code of its makers",
        modality="slides",
        dim=dim,
        input_px=224,
        mpp=(0.5,),
        normalisation="hibou",
        precision="f32",
        variant="pooled",
        variants=("pooled",),
        licence="Apache-2.0",
        gated=True,
        commercial=True,
        hub_id=hub_id,
        loader="extract.encoders.tiles_makers:load",
        source="Nechaev et al. 2024 (arXiv 2406.05074); model card; its code is of transformers 4",
        weights_needed=True,
        requires=("torch", "transformers"),
        companions=("config.json", "*.py"),
        makers_code=True,
        architecture={"call": "pooler_output"},
    )


CARDS = (_card("B", 768, "histai/hibou-b"), _card("L", 1024, "histai/hibou-L"))
