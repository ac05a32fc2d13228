"""Feather of Mahmood Lab: gated attention over CONCH v1.5 or UNI2-h tiles.

It runs with the code that its makers put beside the weights. Its licence is unverified, and so is the side
of the UNI2-h tiles that it was trained on (TRIDENT's are 256 px made 224). The most tiles are a number of
ours; nothing was measured.
"""

from __future__ import annotations

from extract.encoders.card import EncoderCard


def _card(name: str, tiles: str, hub: str, tile_px: int, variant: str) -> EncoderCard:
    return EncoderCard(
        name=name,
        title=f"Feather, slide encoder over {tiles}, code of its makers",
        modality="slide_vector",
        dim=512,
        precision="f32",
        variant="slide",
        variants=("slide",),
        licence="of Mahmood Lab (unverified)",
        gated=None,
        hub_id=f"MahmoodLab/abmil.base.{hub}.pc108-24k",
        loader="extract.slide_vector.makers_networks:load",
        source="Shao et al. 2025 (github mahmoodlab/MIL-Lab); TRIDENT's loader",
        weights_needed=True,
        requires=("torch", "transformers"),
        companions=("config.json", "*.py"),
        makers_code=True,
        architecture={
            "call": "feather",
            "tiles": {"name": tiles, "variant": variant, "mpp": 0.5, "tile_px": tile_px, "overlap_px": 0},
            "tile_px": tile_px,
            "most_tiles": 131072,
        },
    )


CARDS = (
    _card("feather", "conch_v1_5", "conch_v15", 512, "pooled"),
    _card("feather_uni2", "uni2_h", "uni_v2", 224, "cls"),
)
