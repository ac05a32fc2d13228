"""MUSK: image tower of a model that also reads texts; runs with the package of its makers.

`multiscale` adds what it sees in crops of the tile, as slide2vec takes it by default; TRIDENT takes cls
alone.
"""

from __future__ import annotations

from extract.encoders.card import EncoderCard

CARD = EncoderCard(
    name="musk",
    title="MUSK, BEiT-3 large/16, with the package musk of its makers",
    modality="slides",
    dim=1024,
    input_px=384,
    mpp=(0.5, 0.25, 1.0),
    normalisation="half",
    precision="f16",
    variant="cls",
    variants=("cls", "multiscale"),
    licence="CC-BY-NC-ND-4.0",
    gated=True,
    commercial=False,
    hub_id="xiangjx/musk",
    loader="extract.encoders.tiles_makers:load",
    source="Xiang et al. 2025, Nature; github lilab-stanford/MUSK; resolutions as in slide2vec",
    weights_needed=True,
    requires=("torch", "timm", "musk"),
    companions=(),
    architecture={"call": "musk", "model": "musk_large_patch16_384"},
)
