"""GenBio-PathFM: three vectors of 1,536 side by side; runs with the code of its makers."""

from __future__ import annotations

from extract.encoders.card import EncoderCard

CARD = EncoderCard(
    name="genbio_pathfm",
    title="GenBio-PathFM, code of its makers; no resolution stated",
    modality="slides",
    dim=4608,
    input_px=224,
    normalisation="genbio",
    precision="f32",
    variant="pooled",
    variants=("pooled",),
    licence="GenBio AI Community",
    gated=False,
    commercial=False,
    hub_id="genbio-ai/genbio-pathfm",
    loader="extract.encoders.tiles_makers:load",
    source="Kapse et al. 2026 (bioRxiv 2026.03.17.712534); loader of lazyslide-models; f32 as in slide2vec",
    weights_needed=True,
    requires=("torch", "transformers"),
    companions=("config.json", "*.py"),
    makers_code=True,
    architecture={"call": "vector"},
)
