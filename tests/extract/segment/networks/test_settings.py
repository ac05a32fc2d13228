"""Settings of networks: what is filled in, what is refused, and that no torch is needed for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from extract.segment.networks.settings import NETWORKS, NetworkSettings, complete_settings
from feature_cache.errors import RecipeError


def test_what_is_left_out_is_as_the_makers_have_it() -> None:
    assert complete_settings("daeformer", NetworkSettings()) == NetworkSettings(
        widths=(128, 320, 512), blocks=2
    )
    assert complete_settings("segresnet", NetworkSettings(widths=(8,))) == NetworkSettings(widths=(8,))


def test_an_unknown_network_is_refused_with_those_there_are() -> None:
    with pytest.raises(RecipeError, match="one of daeformer, unet, segresnet, swinunetr; got a name"):
        complete_settings("nnunet", NetworkSettings())


@pytest.mark.parametrize(
    ("name", "widths", "message"),
    [
        ("daeformer", (16, 32), r"3 number\(s\), each divisible by 8: the channels of its"),
        ("daeformer", (16, 32, 60), "got 16, 32, 60. Give such numbers, or leave `widths` out"),
        ("unet", (16,), r"2 to 6 number\(s\)"),
        ("segresnet", (12,), "each divisible by 8"),
        ("swinunetr", (16,), "each divisible by 12"),
    ],
)
def test_widths_that_cannot_be_built_are_refused(name: str, widths: tuple[int, ...], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        complete_settings(name, NetworkSettings(widths=widths))


@pytest.mark.parametrize(("name", "blocks"), [("daeformer", 0), ("segresnet", 2), ("swinunetr", 1)])
def test_blocks_that_a_network_does_not_have_are_refused(name: str, blocks: int) -> None:
    with pytest.raises(RecipeError, match=f"network {name}: blocks"):
        complete_settings(name, NetworkSettings(blocks=blocks))


def test_unknown_keys_and_sizes_without_end_are_refused() -> None:
    with pytest.raises(ValidationError):
        NetworkSettings.model_validate({"depth": 3})
    with pytest.raises(ValidationError):
        NetworkSettings(widths=(100_000_000,))


def test_the_table_of_networks_keeps_its_own_rules() -> None:
    for name, kind in NETWORKS.items():
        assert complete_settings(name, NetworkSettings()).widths == kind.widths


def test_nothing_heavy_is_imported_before_a_network_is_built(repository: Path) -> None:
    program = (
        "import sys, extract.segment, extract.segment.networks.build, extract.segment.losses\n"
        "import extract.segment.detection\n"
        "print([name for name in ('torch', 'monai', 'scipy') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=repository, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
