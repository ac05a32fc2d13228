"""ResNet50 of ImageNet, cut off after its third stage as CLAM and TRIDENT do (1,024 numbers, not 2,048)."""

from __future__ import annotations

from extract.encoders.card import EncoderCard

CARD = EncoderCard(
    name="resnet50",
    title="ResNet50 of ImageNet, mean of the third stage as in CLAM and TRIDENT",
    modality="slides",
    dim=1024,
    input_px=224,
    normalisation="imagenet",
    precision="f32",
    variant="layer3_mean",
    variants=("layer3_mean",),
    licence="of torchvision (unverified)",
    gated=False,
    hub_id="timm/resnet50.tv_in1k",
    loader="extract.encoders.tiles_timm:load",
    source="He et al. 2016; weights of torchvision as timm gives them",
    weights_needed=True,
    requires=("torch", "timm"),
    companions=(),
    architecture={"model": "resnet50", "arguments": {"num_classes": 1000}},
)
