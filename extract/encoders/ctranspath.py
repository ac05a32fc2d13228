"""CTransPath: Swin-T with a convolutional stem, with its published weights or those of CHIEF.

Elsewhere it wants a patched timm 0.5; here the stem is ours (conv_stem.py) and the names are mended. The
weights lie in the data set MahmoodLab/hest-bench on the hub, under fm_v1/ctranspath, which is not
downloaded from here.
"""

from __future__ import annotations

from extract.encoders.card import EncoderCard

CARD = EncoderCard(
    name="ctranspath",
    title="CTransPath, Swin-T with a convolutional stem; no resolution stated",
    modality="slides",
    dim=768,
    input_px=224,
    normalisation="imagenet",
    precision="f32",
    variant="map_mean",
    variants=("map_mean",),
    licence="GPL-3.0 (weights unverified)",
    gated=False,
    loader="extract.encoders.tiles_timm:load",
    source="Wang et al. 2022, Medical Image Analysis; github Xiyue-Wang/TransPath",
    weights_needed=True,
    requires=("torch", "timm"),
    weight_file="CHIEF_CTransPath.pth",
    companions=(),
    architecture={
        "model": "swin_tiny_patch4_window7_224",
        "arguments": {"img_size": 224, "num_classes": 0},
        "stem": "conv",
        "names": "swin",
    },
)
