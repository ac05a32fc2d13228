"""TITAN of Mahmood Lab: a transformer over the grid of CONCH v1.5 tiles.

It runs with the code that its makers put beside the weights. The memory of its attention grows with the
square of the tiles: its own code fills a matrix of 8 bytes x 12 heads a pair on the way (slide2vec), 6.4 GB
for the 8,192 tiles that are the most here; that number is ours.
"""

from __future__ import annotations

from extract.encoders.card import EncoderCard

CARD = EncoderCard(
    name="titan",
    title="TITAN, slide encoder over CONCH v1.5, code of its makers",
    modality="slide_vector",
    dim=768,
    precision="f16",
    variant="slide",
    variants=("slide",),
    licence="CC-BY-NC-ND-4.0",
    gated=True,
    commercial=False,
    hub_id="MahmoodLab/TITAN",
    revision="dac6773d9961cfc75503440676ff157a2c6e8d2e",
    loader="extract.slide_vector.makers_networks:load",
    source="Ding et al. 2024 (arXiv 2411.19666); revision as in slide2vec; its code is of transformers 4",
    weights_needed=True,
    requires=("torch", "transformers", "einops"),
    weight_file="model.safetensors",
    companions=("config.json", "*.py"),
    makers_code=True,
    architecture={
        "call": "titan",
        "tiles": {"name": "conch_v1_5", "variant": "pooled", "mpp": 0.5, "tile_px": 512, "overlap_px": 0},
        "tile_px": 512,
        "most_tiles": 8192,
    },
)
