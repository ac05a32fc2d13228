"""One door to all segmenting networks: a name, what goes in and out, settings, a seed.

Enters: plain data. Leaves: a network with weights that depend on these alone. Torch and MONAI are imported
here and no earlier, so that commands which need no network start quickly and without them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from extract.segment.networks.settings import NetworkSettings, complete_settings, find_network
from feature_cache.errors import RecipeError

if TYPE_CHECKING:
    from torch import nn

    from extract.segment.networks.network import SegmentationNetwork

_REMEDIES = {
    "torch": "Install torch 2.13 for your platform (on a machine without a GPU the CPU build).",
    "monai": "Run `pip install -e .[segment]`.",
    "einops": "Run `pip install -e .[segment]`.",
}


def build_network(
    name: str, channels: int, classes: int, settings: NetworkSettings | None = None, seed: int = 0
) -> SegmentationNetwork:
    """Return a two-dimensional network with random weights.

    Parameters
    ----------
    name
        daeformer, unet, segresnet or swinunetr.
    channels
        Of the images, at least 1.
    classes
        Told apart by the network, background included, at least 2.
    settings
        Width and depth; None is as its makers have it.
    seed
        Of the weights: same arguments, same bits. Torch's own generator is left as it was.

    Returns
    -------
    SegmentationNetwork
        On the CPU, in training mode: ``network(images)`` gives logits (batch, class, row, column),
        ``network.features(images)`` what is at its bottom.

    Raises
    ------
    RecipeError
        An unknown network, settings that it cannot be built with, or what it runs on is not installed.
    """
    complete = complete_settings(name, settings or NetworkSettings())
    if channels < 1 or classes < 2:
        raise RecipeError(
            f"network {name}",
            expected="1 channel or more, 2 classes or more (the background is one)",
            got=f"{channels} channel(s), {classes} class(es)",
            remedy="Look at the label codebook: it must name something to tell from the background.",
        )
    import_requirements(name)
    import torch

    from extract.segment.networks.network import SegmentationNetwork

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SegmentationNetwork(_body(name, channels, classes, complete))


def import_requirements(name: str) -> None:
    """Import what a network runs on.

    Raises
    ------
    RecipeError
        A module is not installed or cannot be imported; the message says what to install.
    """
    for module in find_network(name).requires:
        try:
            importlib.import_module(module)
        except (ImportError, OSError) as error:
            raise RecipeError(
                f"network {name}",
                expected=f"the module {module}",
                got=f"none that can be imported ({type(error).__name__})",
                remedy=_REMEDIES[module],
            ) from error


def _body(name: str, channels: int, classes: int, settings: NetworkSettings) -> nn.Module:
    assert settings.widths is not None
    if name == "daeformer":
        from extract.segment.networks.daeformer import DaeFormer

        return DaeFormer(channels, classes, settings.widths, settings.blocks or 1)
    from extract.segment.networks import from_monai

    if name == "unet":
        return from_monai.unet(channels, classes, settings.widths, settings.blocks or 0)
    build = {"segresnet": from_monai.segresnet, "swinunetr": from_monai.swinunetr}[name]
    return build(channels, classes, settings.widths)
