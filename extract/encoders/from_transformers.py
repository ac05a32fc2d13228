"""Networks whose code is in transformers and whose tensors are in a folder: nothing of the folder is run.

Enters: a card and its weights, with a config.json beside them. Leaves: a network in evaluation mode, f32.
Its tensors come through `weights.read_state`, so that this library opens no pickle and asks no hub.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

from extract.encoders.card import EncoderCard
from extract.encoders.weights import Weights, read_state
from feature_cache.errors import RecipeError

CONFIG = "config.json"


def read_config(card: EncoderCard, weights: Weights, families: tuple[str, ...]) -> dict[str, Any]:
    """Return the config.json beside the weights.

    Raises
    ------
    RecipeError
        It is absent, no JSON, or that of a network of another family than `families` (model types).
    """
    path = weights.folder / CONFIG
    where = f"encoder {card.name}: {CONFIG}"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecipeError(
            where,
            expected="the model's config.json beside its weights",
            got="none" if isinstance(error, OSError) else "a file that is no JSON",
            remedy="Copy all files of the model into the folder.",
        ) from error
    family = config.get("model_type") if isinstance(config, dict) else None
    if family not in families:
        raise RecipeError(
            where,
            expected=f"a model of type {', '.join(families)}",
            got=f"type {family}",
            remedy="Take a model of one of these families.",
        )
    return dict(config)


def check(card: EncoderCard, weights: Weights) -> dict[str, Any]:
    """Return the config.json beside the weights; every field of the card's `architecture` must be in it.

    Raises
    ------
    RecipeError
        The weights are those of another network, or have no config.json.
    """
    config = read_config(card, weights, (str(card.architecture["model_type"]),))
    for field, value in card.architecture.items():
        if field != "view" and config.get(field) != value:
            raise RecipeError(
                f"encoder {card.name}: {CONFIG}",
                expected=f"{field} {value}",
                got=str(config.get(field, "none")),
                remedy=f"Take the files of {card.hub_id}.",
            )
    return config


def load_network(card: EncoderCard, weights: Weights, unused: tuple[str, ...]) -> Any:
    """Return the network that config.json describes, with the tensors of the weights.

    `unused` are beginnings of names that the encoder makes no use of: those may be missing.

    Raises
    ------
    RecipeError
        A tensor is missing or of another shape: it would have stayed random.
    """
    transformers = import_transformers()
    import torch

    config = transformers.AutoConfig.from_pretrained(
        weights.folder, local_files_only=True, trust_remote_code=False
    )
    with torch.device("meta"):  # to know its class, not to fill it
        kind = type(transformers.AutoModel.from_config(config, trust_remote_code=False))
    network, report = kind.from_pretrained(
        None,
        config=config,
        state_dict=read_state(weights),
        dtype=torch.float32,
        output_loading_info=True,
        ignore_mismatched_sizes=True,  # to be named below, with those that are missing
    )
    misfits = sorted(name for name, *_ in report["mismatched_keys"])
    misfits += sorted(name for name in report["missing_keys"] if not name.startswith(unused))
    if misfits:
        raise RecipeError(
            f"encoder {card.name}: weights",
            expected=f"every tensor of a {kind.__name__}",
            got=f"{len(misfits)} missing or of another shape, {misfits[0]} the first",
            remedy="Take the weights that belong to this config.json.",
        )
    return network.eval()


def import_transformers() -> Any:
    """Import transformers, quiet, and without a torchvision that cannot be imported.

    None of our networks needs torchvision, but transformers imports it wherever it finds it installed, and
    the one that the package index gives to a CPU build of torch fails at import.
    """
    hidden = "torchvision" not in sys.modules and not _can_be_imported("torchvision")
    if hidden:
        sys.modules["torchvision"] = None  # type: ignore[assignment]  # = not there
    try:
        transformers = importlib.import_module("transformers")
        transformers.utils.is_torchvision_available.cache_clear()  # whoever imported it before us
        transformers.utils.is_torchvision_available()  # and it remembers this answer
    finally:
        if hidden:
            del sys.modules["torchvision"]
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers


def _can_be_imported(module: str) -> bool:
    try:
        importlib.import_module(module)
    except (ImportError, OSError, RuntimeError):
        return False
    return True
