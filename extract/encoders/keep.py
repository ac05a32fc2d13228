"""KEEP: image tower of a model that learnt texts by a graph of diseases; open, and MIT by the registries.

Built here from what its code says (hub Astaxanthin/KEEP): that code changes timm for the whole process. The
vector is the projected one; its makers make its length 1 for comparisons with texts, which a scaler would
undo.
"""

from __future__ import annotations

from extract.encoders.card import EncoderCard

CARD = EncoderCard(
    name="keep",
    title="KEEP, ViT-L/16, projected; no resolution stated",
    modality="slides",
    dim=768,
    input_px=224,
    normalisation="imagenet",
    precision="f32",
    variant="projected",
    variants=("projected",),
    licence="MIT",
    gated=False,
    commercial=True,
    hub_id="Astaxanthin/KEEP",
    loader="extract.encoders.tiles_timm:load",
    source="Zhou et al. 2026, Cancer Cell; loader of lazyslide-models",
    weights_needed=True,
    requires=("torch", "timm"),
    companions=(),
    architecture={
        "model": "vit_large_patch16_224",
        "arguments": {"img_size": 224, "init_values": 1e-5, "num_classes": 0},
        "names": "keep",
        "head": "keep",
        "unused": ["text.", "logit_scale"],
    },
)
