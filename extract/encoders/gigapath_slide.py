"""GigaPath's slide encoders: LongNet over GigaPath tiles.

They run with the package gigapath of their makers, on a GPU. The vector is that of layer 11 with the mean
over tiles, as TRIDENT takes it. The most tiles are a number of ours; nothing was measured.
"""

from __future__ import annotations

from extract.encoders.card import EncoderCard


def _card(tiles: str, dim: int, hub: str, width: int, terms: tuple[str, bool]) -> EncoderCard:
    licence, commercial = terms
    return EncoderCard(
        name=f"{tiles}_slide",
        title=f"Slide encoder over {tiles}, with the package gigapath of its makers",
        modality="slide_vector",
        dim=dim,
        precision="f16",
        variant="layer11",
        variants=("layer11",),
        licence=licence,
        gated=True,
        commercial=commercial,
        hub_id=f"prov-gigapath/{hub}",
        loader="extract.slide_vector.makers_networks:load",
        source="Xu et al. 2024, Nature; github prov-gigapath/prov-gigapath; TRIDENT's call",
        weights_needed=True,
        requires=("torch", "timm", "gigapath", "flash_attn"),
        weight_file="slide_encoder.pth",
        companions=(),
        architecture={
            "call": "gigapath",
            "model": f"gigapath_slide_enc12l{dim}d",
            "in_chans": width,
            "tiles": {"name": tiles, "variant": "cls", "mpp": 0.5, "tile_px": 256, "overlap_px": 0},
            "tile_px": 256,
            "most_tiles": 32768,
        },
    )


CARDS = (
    _card("gigapath", 768, "prov-gigapath", 1536, ("Apache-2.0 with conditions", False)),
    _card("gigapath_flash", 384, "prov-gigapath-flash", 384, ("Apache-2.0", True)),
)
