"""MobileNetV2 of ImageNet, small enough to carry: a real network for trials and a line to beat.

The weights are those of a quantised TensorFlow Lite model, dequantised; padding must be TensorFlow's
('same'), because with torch's own they load as strictly and give other features (cosine .92).
"""

from __future__ import annotations

from extract.encoders.card import EncoderCard

CARD = EncoderCard(
    name="mobilenet_v2",
    title="MobileNetV2 of ImageNet, mean of the last map",
    modality="slides",
    dim=1280,
    input_px=224,
    normalisation="half",
    precision="f32",
    variant="map_mean",
    variants=("map_mean",),
    licence="Apache-2.0",
    gated=False,
    commercial=True,
    loader="extract.encoders.tiles_timm:load",
    source="Sandler et al. 2018; google-coral/test_data, mobilenet_v2_1.0_224_quant.tflite",
    weights_needed=True,
    requires=("torch", "timm"),
    weight_file="mobilenet_v2_imagenet.safetensors",
    companions=(),
    architecture={"model": "mobilenetv2_100", "arguments": {"num_classes": 1001, "pad_type": "same"}},
)
