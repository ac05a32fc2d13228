"""midnight-12k of kaiko.ai, in transformers, and its replication OpenMidnight, in timm.

TRIDENT takes cls of midnight (1,536), its card, slide2vec and lazyslide cls+mean (3,072). One registry
calls it gated, TRIDENT loads it without a token: unverified. OpenMidnight is loaded elsewhere by torch.hub,
which clones code at run time; the network is the same one of timm, and only the names of its tensors are
mended.
"""

from __future__ import annotations

from extract.encoders.card import EncoderCard

MIDNIGHT = EncoderCard(
    name="midnight",
    title="midnight-12k, ViT-g/14",
    modality="slides",
    dim=3072,
    input_px=224,
    mpp=(0.5, 0.25, 1.0, 2.0),
    normalisation="half",
    precision="f16",
    variant="cls+mean",
    variants=("cls+mean", "cls"),
    licence="MIT",
    gated=None,
    commercial=True,
    hub_id="kaiko-ai/midnight",
    loader="extract.encoders.tiles_transformers:load",
    source="Karasikov et al. 2025 (arXiv 2504.05186); model card",
    weights_needed=True,
    requires=("torch", "transformers"),
    companions=("config.json",),
    architecture={"model_type": "dinov2", "hidden_size": 1536, "patch_size": 14},
)

OPEN_MIDNIGHT = EncoderCard(
    name="open_midnight",
    title="OpenMidnight, ViT-g/14 with 4 registers; no resolution stated",
    modality="slides",
    dim=1536,
    input_px=224,
    normalisation="imagenet",
    precision="f16",
    variant="cls",
    variants=("cls", "cls+mean"),
    licence="Apache-2.0",
    gated=True,
    commercial=True,
    hub_id="SophontAI/OpenMidnight",
    loader="extract.encoders.tiles_timm:load",
    source="Kaplan et al. 2025 (github MedARC-AI/OpenMidnight); TRIDENT's loader",
    weights_needed=True,
    requires=("torch", "timm"),
    weight_file="teacher_checkpoint_load.pt",
    companions=(),
    architecture={
        "model": "vit_giant_patch14_reg4_dinov2",
        "arguments": {"img_size": 224, "num_classes": 0},
        "names": "dinov2",
    },
)

CARDS = (MIDNIGHT, OPEN_MIDNIGHT)
