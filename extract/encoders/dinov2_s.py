"""The card of DINOv2 small on slices; what it is shown is described in dinov2.py."""

from __future__ import annotations

from extract.encoders.card import EncoderCard
from extract.encoders.input_contract import InputContract

CARD = EncoderCard(
    name="dinov2_s",
    title="DINOv2 small on slices of a series, three neighbours as channels; a token stands for 14 x 14 px",
    modality="volumes",
    dim=384,
    input_px=518,
    normalisation="percentiles 0.5 and 99.5 of the crop to [0, 1], ImageNet mean and deviation",
    variant="patch tokens",
    licence="Apache-2.0",
    commercial=True,
    hub_id="facebook/dinov2-small",
    revision="ed25f3a31f01632728cabb09d1542f84ab7b0056",
    companions=("config.json",),
    architecture={"model_type": "dinov2", "hidden_size": 384, "patch_size": 14},
    loader="extract.encoders.dinov2:load",
    source="Oquab et al. 2023, DINOv2 (arXiv 2304.07193); weights of LVD-142M; revision as in mteb",
    weights_needed=True,
    requires=("torch", "transformers"),
    contract=InputContract(
        channels="three: the slice below, the slice itself, the slice above",
        prepared=True,
        intensity="percentiles 0.5 and 99.5 of the crop to [0, 1], then mean and deviation of ImageNet",
    ),
)
