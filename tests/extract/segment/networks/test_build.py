"""What is refused at the door to the networks."""

from __future__ import annotations

import sys

import pytest

pytest.importorskip("torch")

from extract.segment.networks.build import build_network
from extract.segment.networks.settings import NetworkSettings
from feature_cache.errors import RecipeError


def test_without_monai_its_networks_are_refused_and_ours_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "monai", None)
    with pytest.raises(RecipeError, match=r"network unet: expected the module monai.*\.\[segment\]"):
        build_network("unet", 1, 2)
    build_network("daeformer", 1, 2, NetworkSettings(widths=(8, 8, 8)))


@pytest.mark.parametrize(("channels", "classes"), [(0, 2), (1, 1)])
def test_a_network_without_input_or_with_one_class_is_refused(channels: int, classes: int) -> None:
    with pytest.raises(RecipeError, match=f"got {channels} channel.*, {classes} class"):
        build_network("daeformer", channels, classes)
