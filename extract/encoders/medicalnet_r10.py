"""The card of MedicalNet's 3-D ResNet-10; what it is given is described in medicalnet.py."""

from __future__ import annotations

from extract.encoders.card import EncoderCard
from extract.encoders.input_contract import InputContract

CARD = EncoderCard(
    name="medicalnet_r10",
    title="MedicalNet 3-D ResNet-10, trained on 23 CT and MR data sets; a token stands for 8 x 8 x 8 voxels",
    modality="volumes",
    dim=512,
    normalisation="z-score of the voxels that are not 0; not resampled",
    variant="last feature map",
    licence="MIT",
    commercial=True,
    hub_id="TencentMedicalNet/MedicalNet-Resnet10",
    revision="deeeaa1e2a342b63e28b61e9d993b63e79c4b437",
    weight_file="resnet_10_23dataset.pth",
    companions=(),
    architecture={"blocks": [1, 1, 1, 1], "bottleneck": False},
    loader="extract.encoders.medicalnet:load",
    source="Chen, Ma and Zheng 2019, Med3D (arXiv 1904.00625); github.com/Tencent/MedicalNet;"
    " revision as in github.com/KatherLab/MediSwarm",
    weights_needed=True,
    requires=("torch",),
    contract=InputContract(
        prepared=True,
        intensity="standardised over the voxels of the crop that are neither 0 nor outside the field of view",
    ),
)
