"""PRISM of Paige: a perceiver over Virchow tiles, cls and mean; code of its makers, of transformers 4.42.

The most tiles are a number of ours; nothing was measured.
"""

from __future__ import annotations

from extract.encoders.card import EncoderCard

CARD = EncoderCard(
    name="prism",
    title="PRISM, slide encoder over Virchow, code of its makers (transformers 4.42)",
    modality="slide_vector",
    dim=1280,
    precision="f16",
    variant="slide",
    variants=("slide",),
    licence="CC-BY-NC-ND-4.0",
    gated=True,
    commercial=False,
    hub_id="paige-ai/Prism",
    loader="extract.slide_vector.makers_networks:load",
    source="Shaikovski et al. 2024 (arXiv 2405.10254); model card; its code is of transformers 4.42",
    weights_needed=True,
    requires=("torch", "transformers", "einops", "environs", "sacremoses"),
    companions=("config.json", "*.py"),
    makers_code=True,
    architecture={
        "call": "prism",
        "tiles": {"name": "virchow", "variant": "cls+mean", "mpp": 0.5, "tile_px": 224, "overlap_px": 0},
        "tile_px": 224,
        "most_tiles": 65536,
    },
)
