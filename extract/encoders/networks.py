"""What all tile networks share: device, precision, normalisation, batches, and what is taken of the output.

Enters: a network of any family and the card that says how it was trained. Leaves: a `TileEncoder`. The row
of a tile never depends on its batch: the CPU sees one tile at a time on one thread, so that neither the
neighbours nor the number of cores can change a bit; a GPU sees batches of one size, the last one filled up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, UInt8

from extract.encoders.card import EncoderCard
from extract.encoders.feeding import Feeder
from extract.encoders.network_device import NetworkDevice, Triple
from extract.encoders.same_bits import same_bits as same_bits
from feature_cache.canonical import Json
from feature_cache.errors import RecipeError, SourceError
from feature_cache.origin import version_of

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

Shape = tuple[int, ...]

#: Mean and deviation (red, green, blue) of pixel values in [0, 1], by the name that cards use.
NORMALISATIONS: dict[str, tuple[Triple, Triple]] = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "h_optimus": ((0.707223, 0.578729, 0.703617), (0.211883, 0.230117, 0.177517)),
    "half": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),  # the same as x / 127.5 - 1
    "hibou": ((0.7068, 0.5755, 0.722), (0.195, 0.2316, 0.1816)),
    "clip": ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
    "genbio": ((0.697, 0.575, 0.728), (0.188, 0.240, 0.187)),
    "lunit": ((0.70322989, 0.53606487, 0.66096631), (0.21716536, 0.26081574, 0.20723464)),
    "rudolf": ((0.7072, 0.5787, 0.7036), (0.2119, 0.2301, 0.1775)),
}

#: What a variant is put together from, in order, all of one length.
VARIANT_PARTS: dict[str, tuple[str, ...]] = {
    "cls": ("cls",),
    "cls+mean": ("cls", "mean"),
    "map_mean": ("mean",),
    "layer3_mean": ("mean",),
    "pooled": ("pooled",),  # by the network's own attention or norm
    "projected": ("projected",),  # into the space that it shares with texts, length not made 1
    "multiscale": ("cls", "multiscale"),
}

_LARGEST_F16 = 65504.0


def choose_variant(card: EncoderCard, variant: str | None) -> EncoderCard:
    """Return the card of one of its variants, None being its default; the length follows.

    Raises
    ------
    RecipeError
        The card has no such variant; the message lists those it has.
    """
    if variant is None or variant == card.variant:
        return card
    if variant not in card.variants:
        raise RecipeError(
            f"encoder {card.name}: variant",
            expected=f"one of {', '.join(card.variants or [card.variant])}",
            got=variant,
            remedy="Mend the recipe, or leave `variant` out.",
        )
    assert card.dim is not None
    dim = card.dim // len(VARIANT_PARTS[card.variant]) * len(VARIANT_PARTS[variant])
    return card.model_copy(update={"variant": variant, "dim": dim})


def computed_with(card: EncoderCard) -> dict[str, Json]:
    """Return what an entry says of the computing: device, precision on it, versions of the libraries."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    return {
        "device": device,
        "compute_dtype": card.precision if device == "cuda" else "f32",
        "libraries": {module: version_of(module) for module in card.requires},
    }


class TileNetwork:
    """A network as `TileEncoder`. `forward` takes normalised (tile, 3, height, width) to (tile, dim).

    On a GPU it has a `feeder`, which serves all slides that are read in this process.
    """

    feeder: Feeder | None = None

    def __init__(self, card: EncoderCard, network: Module, forward: Callable[[Tensor], Tensor]) -> None:
        assert card.dim is not None
        self.forward = forward
        self._card = card
        self.used = computed_with(card)
        device = str(self.used["device"])
        network.eval().requires_grad_(False).to(device)
        self._on_device = NetworkDevice(card, device, forward, NORMALISATIONS[card.normalisation])
        if device != "cpu":
            self.feeder = Feeder(self._on_device, self.check)
        parts = VARIANT_PARTS[card.variant]
        width = card.dim // len(parts)
        self.feature_names = tuple(f"{part}_{number}" for part in parts for number in range(width))

    def encode(
        self, tiles: UInt8[np.ndarray[Any, Any], "tile height width 3"], mpp: float
    ) -> Float[np.ndarray[Any, Any], "tile dim"]:
        """Return (tile, dim) float32.

        Raises
        ------
        SourceError
            The network gave something that is no number, or too large for the f16 that is stored.
        """
        if tiles.shape[1:] != (self._card.input_px, self._card.input_px, 3):
            raise ValueError(f"tiles of {tiles.shape[1:]} for an encoder of {self._card.input_px} px")
        if self.feeder is not None:
            return self.feeder.submit(tiles).rows()
        rows = np.empty((len(tiles), len(self.feature_names)), dtype=np.float32)
        size = self._on_device.size
        for start in range(0, len(tiles), size):
            batch = tiles[start : start + size]
            rows[start : start + size] = self._on_device.finish(self._on_device.start([batch]))[: len(batch)]
        self.check(rows)
        return rows

    def check(self, rows: Float[np.ndarray[Any, Any], "tile dim"]) -> None:
        """Refuse rows that cannot be stored (`refuse_unstorable`)."""
        refuse_unstorable(rows, self._card.name)


def refuse_unstorable(rows: Float[np.ndarray[Any, Any], "row dim"], encoder: str) -> None:
    """Refuse what a network gave where it is no number, or too large for the f16 that is stored.

    Raises
    ------
    SourceError
        Some rows hold such a number; the message counts them.
    """
    storable = (np.abs(rows) <= _LARGEST_F16).all(axis=1)  # False for NaN too
    if not storable.all():
        raise SourceError(
            f"encoder {encoder}",
            expected="finite numbers that half precision can hold",
            got=f"others in {int((~storable).sum())} of {len(rows)} rows",
            remedy="Look at the weights; are they those of this encoder?",
        )


def pool_tokens(tokens: Tensor, prefix: int, variant: str) -> Tensor:
    """Return (tile, dim) of (tile, token, width); of `prefix` tokens the first is cls."""
    import torch

    parts = {"cls": lambda: tokens[:, 0], "mean": lambda: tokens[:, prefix:].mean(dim=1)}
    return torch.cat([parts[part]() for part in VARIANT_PARTS[variant]], dim=1)


def load_strictly(card: EncoderCard, network: Module, state: Mapping[str, Tensor]) -> None:
    """Fill a network with tensors: every one it has, no other, each in its shape.

    Raises
    ------
    RecipeError
        The weights are those of another network.
    """
    refuse_other_network(card, shapes_of(network.state_dict()), shapes_of(state))
    network.load_state_dict(dict(state))


def shapes_of(state: Mapping[str, Tensor]) -> dict[str, Shape]:
    """Return the shape of every tensor by name."""
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def refuse_other_network(
    card: EncoderCard, own: Mapping[str, Shape], state: Mapping[str, Shape], unused: tuple[str, ...] = ()
) -> None:
    """Compare the shapes of a network's tensors with those of some weights, by name.

    `unused` are beginnings of names that the encoder makes no use of: those may lie beside.

    Raises
    ------
    RecipeError
        The weights are those of another network.
    """
    state = {name: shape for name, shape in state.items() if not name.startswith(unused)}
    missing, unknown = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    misshapen = sorted(name for name in own.keys() & state.keys() if own[name] != state[name])
    faults = [f"{len(missing)} missing ({missing[0]}, ...)"] if missing else []
    faults += [f"{len(unknown)} unknown ({unknown[0]}, ...)"] if unknown else []
    if misshapen:
        name = misshapen[0]
        faults.append(
            f"{len(misshapen)} of another shape ({name}: {list(state[name])}"
            f" instead of {list(own[name])}, ...)"
        )
    if faults:
        raise RecipeError(
            f"encoder {card.name}: weights",
            expected=f"the {len(own)} tensors of {card.title}",
            got=f"{len(state)} tensors: {', '.join(faults)}",
            remedy="Are these the weights of another model? Download those of this card.",
        )
