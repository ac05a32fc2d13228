"""The card of MedicalNet's 3-D ResNet-50; what it is given is described in medicalnet.py."""

from __future__ import annotations

from extract.encoders.card import EncoderCard
from extract.encoders.input_contract import InputContract

CARD = EncoderCard(
    name="medicalnet_r50",
    title="MedicalNet 3-D ResNet-50, trained on 23 CT and MR data sets; a token stands for 8 x 8 x 8 voxels",
    modality="volumes",
    dim=2048,
    normalisation="z-score of the voxels that are not 0; not resampled",
    variant="last feature map",
    licence="MIT",
    commercial=True,
    hub_id="TencentMedicalNet/MedicalNet-Resnet50",
    revision="8d924de10880fc392b71cbf61804e880aeb74e53",
    weight_file="resnet_50_23dataset.pth",
    companions=(),
    architecture={"blocks": [3, 4, 6, 3], "bottleneck": True},
    loader="extract.encoders.medicalnet:load",
    source="Chen, Ma and Zheng 2019, Med3D (arXiv 1904.00625); github.com/Tencent/MedicalNet;"
    " revision as in github.com/khtao/GynoMRFound",
    weights_needed=True,
    requires=("torch",),
    contract=InputContract(
        prepared=True,
        intensity="standardised over the voxels of the crop that are neither 0 nor outside the field of view",
    ),
)
