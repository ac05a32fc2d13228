"""Networks whose code lies beside their weights (trust_remote_code): run only by leave, and only as hashed.

Enters: a card and its weights, with config.json and Python files among the hashed companions. Leaves: a
network in evaluation mode, f32. Leave is given by --trust-remote-code NAME where the weights are found; it
covers the files that were hashed then and no other. They are imported from the very bytes that are compared
with those hashes, under a package name of their own; transformers' machinery for remote code, which fetches
from the hub and caches beside the home folder, is not used. What such code does once it runs, nobody can say.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from collections.abc import Sequence
from hashlib import sha256
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from extract.encoders.card import EncoderCard
from extract.encoders.from_transformers import CONFIG, import_transformers
from extract.encoders.networks import refuse_other_network, shapes_of
from extract.encoders.weights import Weights, read_state
from feature_cache.errors import RecipeError
from feature_cache.origin import version_of

ENDING = ".py"


class _HashedCode(MetaPathFinder, Loader):
    """Imports the modules of one package from bytes in memory."""

    def __init__(self, package: str, sources: dict[str, bytes]) -> None:
        self.package, self._sources = package, sources

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == self.package:
            return importlib.util.spec_from_loader(fullname, self, is_package=True)
        package, _, module = fullname.rpartition(".")
        if package == self.package and module in self._sources:
            return importlib.util.spec_from_loader(fullname, self)
        return None

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__.rpartition(".")[2]
        if name in self._sources:
            exec(compile(self._sources[name], f"{name}{ENDING}", "exec"), module.__dict__)


def load_makers_network(card: EncoderCard, weights: Weights) -> Any:
    """Return the network that the folder's own code describes, with every tensor of the weights.

    Raises
    ------
    RecipeError
        The code is not what was hashed, is of another repository, or fails; or the tensors are not those of
        its network.
    """
    import_transformers()
    classes = check(card, weights)
    try:
        config = _class(card, weights, classes["AutoConfig"]).from_pretrained(weights.folder)
        network = _class(card, weights, classes["AutoModel"])(config)
    except (ImportError, AttributeError, TypeError, ValueError, KeyError, RuntimeError, OSError) as error:
        raise RecipeError(
            f"encoder {card.name}: the code of its makers",
            expected="code that runs here",
            got=f"{type(error).__name__} with transformers {version_of('transformers')}",
            remedy=f"It may want other versions ({card.source}): use an environment of its own.",
        ) from error
    state = read_state(weights)
    own = network.state_dict()
    held = {own[name].data_ptr() for name in own.keys() & state.keys()}
    tied = {name for name in own.keys() - state.keys() if own[name].data_ptr() in held}
    refuse_other_network(
        card, shapes_of({name: own[name] for name in own.keys() - tied}), shapes_of(dict(state))
    )
    network.load_state_dict(state, strict=False)
    return network.eval()


def check(card: EncoderCard, weights: Weights) -> dict[str, str]:
    """Return which classes config.json names, by transformers' word; runs nothing.

    Raises
    ------
    RecipeError
        There is no config.json, or it names code that is not among the hashed files.
    """
    where = f"encoder {card.name}: {CONFIG}"
    try:
        named = json.loads((weights.folder / CONFIG).read_text(encoding="utf-8"))["auto_map"]
        classes = {key: str(named[key]) for key in ("AutoConfig", "AutoModel")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RecipeError(
            where,
            expected="a config.json whose auto_map names AutoConfig and AutoModel",
            got="none" if isinstance(error, OSError) else "one without",
            remedy=f"Copy all files of {card.hub_id} into the folder.",
        ) from error
    held = {file.name for file in weights.files}
    for path in classes.values():
        if f"{path.rpartition('.')[0]}{ENDING}" not in held:
            raise RecipeError(
                where,
                expected="classes in Python files beside the weights",
                got=path,
                remedy="Code of another repository is not fetched; copy it into the folder.",
            )
    return classes


def _class(card: EncoderCard, weights: Weights, path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(f"{_package(card, weights)}.{module}"), name)


def _package(card: EncoderCard, weights: Weights) -> str:
    """Make the folder's modules importable from bytes that are what was hashed; return their package."""
    package = f"makers_of_{card.name}_{weights.sha256[:12]}"
    if not any(isinstance(finder, _HashedCode) and finder.package == package for finder in sys.meta_path):
        sources = {}
        for file in weights.files:
            if file.name.endswith(ENDING):
                content = (weights.folder / file.name).read_bytes()
                if sha256(content).hexdigest() != file.sha256:
                    raise RecipeError(
                        f"encoder {card.name}: {file.name}",
                        expected=f"the file that was hashed, sha256 {file.sha256[:12]}",
                        got="another one by now",
                        remedy="Look who changed it; nothing of it was run.",
                    )
                sources[file.name.removesuffix(ENDING)] = content
        sys.meta_path.append(_HashedCode(package, sources))
    return package
