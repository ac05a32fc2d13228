"""Weights of encoders: found in a folder or on the hub, hashed, and read without running anything in them.

Enters: a card and the folder of `--weights`. Leaves: `Weights`, plain data that says which bytes they are
and goes to the workers, and the tensors in them. A local folder comes first; the hub is asked for a pinned
revision alone. This is the one file that may call `torch.load`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from extract.encoders.card import EncoderCard
from extract.encoders.hub import PICKLED_ENDINGS, SAFE_ENDINGS, download
from feature_cache.canonical import Json, sha256_of_file, sha256_of_json
from feature_cache.errors import RecipeError

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")

#: sha256 (hex) of a file; the cache's remembers it by size, mtime and inode.
HashFile = Callable[[Path], str]

#: What trainers leave beside weights.
_CLUTTER = {"training_args.bin", "optimizer.bin", "optimizer.pt", "scheduler.pt", "rng_state.pth"}
_SHARD = re.compile(r"-\d{5}-of-(\d{5})\.[a-z]+$")
#: Below this `weights_only` can be made to run code (CVE-2025-32434).
_SAFE_TORCH = (2, 6)


@dataclass(frozen=True, kw_only=True)
class WeightFile:
    """One file that shapes the numbers, by name and content."""

    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Weights:
    """The weights of one encoder, found and hashed. `files` are sorted by name; `revision` is the hub's."""

    folder: Path
    files: tuple[WeightFile, ...]
    origin: Literal["folder", "hub"]
    revision: str | None = None

    @property
    def sha256(self) -> str:
        """The identity of the weights: sha256 of the list of names and hashes."""
        return sha256_of_json([[file.name, file.sha256] for file in self.files])

    @property
    def used(self) -> dict[str, Json]:
        """What an entry says of the weights behind it."""
        return {
            "weights": {file.name: file.sha256 for file in self.files},
            "weights_origin": self.origin,
            "encoder_revision": self.revision,
        }


@dataclass(frozen=True, kw_only=True)
class WeightsSource:
    """Where weights are looked for: the folder of `--weights`, then the hub. `hash_file` hashes them.

    `trusted` names the encoders whose makers' code may be run (--trust-remote-code).
    """

    root: Path | None = None
    hash_file: HashFile = sha256_of_file
    trusted: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Refuse a folder that is not there, whether the recipe needs weights or not."""
        if self.root is not None and not self.root.is_dir():
            raise RecipeError(
                f"--weights {self.root.name}",
                expected="a folder",
                got="no such folder",
                remedy="Make it, with one folder in it for each encoder.",
            )

    def find(self, card: EncoderCard, *, revision: str | None = None) -> Weights:
        """Return the weights of a card; `revision` is the recipe's and goes before the card's.

        Looked for, in this order: `<root>/<name>/`, `<root>/<organisation>--<model>/`, the card's
        `weight_file` in `<root>` itself, the hub.

        Raises
        ------
        RecipeError
            They are nowhere, ambiguous, or on the hub without a pinned revision or without leave; or they
            come with code that nobody has said to trust.
        """
        self._refuse_untrusted(card)
        local = self.local_files(card)
        if local is not None:
            return self._hashed(card, *local, "folder", None)
        pinned = revision or card.revision
        folder = download(card, pinned, self.root)
        return self._hashed(card, folder, _chosen(card, folder), "hub", pinned)

    def local_files(self, card: EncoderCard) -> tuple[Path, list[str]] | None:
        """Return the folder and the names of a card's weights below the root, None where it has none.

        Raises
        ------
        RecipeError
            The encoder's folder holds no weights, or too many.
        """
        if self.root is None:
            return None
        for folder in _folders(self.root, card):
            if folder.is_dir():
                return folder, _chosen(card, folder)
        if card.weight_file is not None and (self.root / card.weight_file).is_file():
            return self.root, [card.weight_file]
        return None

    def _refuse_untrusted(self, card: EncoderCard) -> None:
        if card.makers_code and card.name not in self.trusted:
            raise RecipeError(
                f"encoder {card.name}",
                expected="leave to run the Python files that its makers put beside the weights",
                got="none",
                remedy=f"Read them, then add --trust-remote-code {card.name}; their hashes name the set.",
            )

    def _hashed(
        self,
        card: EncoderCard,
        folder: Path,
        names: list[str],
        origin: Literal["folder", "hub"],
        revision: str | None,
    ) -> Weights:
        held = sorted(path.name for path in folder.iterdir() if path.is_file())
        companions = [name for name in held if any(fnmatch(name, pattern) for pattern in card.companions)]
        files = tuple(
            WeightFile(name=name, sha256=self.hash_file(folder / name), bytes=(folder / name).stat().st_size)
            for name in sorted({*names, *companions})
        )
        return Weights(folder=folder, files=files, origin=origin, revision=revision)


def read_state(weights: Weights) -> dict[str, Tensor]:
    """Return every tensor by name, on the CPU, without `state_dict` or `model` around and `module.` before.

    Raises
    ------
    RecipeError
        A file is not what was hashed, is damaged, or holds more than tensors (nothing of it is run).
    """
    state: dict[str, Any] = {}
    for file in weights.files:
        path = weights.folder / file.name
        if path.suffix not in (*SAFE_ENDINGS, *PICKLED_ENDINGS):
            continue
        if path.stat().st_size != file.bytes or sha256_of_file(path) != file.sha256:
            raise RecipeError(
                f"weights {file.name}",
                expected=f"the file that was hashed, sha256 {file.sha256[:12]}",
                got="another one by now",
                remedy="Let the copy finish, then run again.",
            )
        state.update(_read_safe(path) if path.suffix in SAFE_ENDINGS else _read_pickled(path))
    return _without_module(state)


def read_shapes(weights: Weights) -> dict[str, tuple[int, ...]] | None:
    """Return the shape of every tensor by name, from headers alone; None where a file is pickled.

    Raises
    ------
    RecipeError
        A file is damaged or no safetensors.
    """
    from safetensors import SafetensorError, safe_open

    paths = [weights.folder / file.name for file in weights.files]
    if any(path.suffix in PICKLED_ENDINGS for path in paths):
        return None
    shapes: dict[str, tuple[int, ...]] = {}
    for path in paths:
        if path.suffix in SAFE_ENDINGS:
            try:
                with safe_open(path, framework="numpy") as file:
                    names = file.keys()
                    shapes |= {name: tuple(file.get_slice(name).get_shape()) for name in names}
            except (SafetensorError, OSError) as error:
                raise _unreadable(path, "damaged or no safetensors") from error
    return _without_module(shapes)


def _without_module(tensors: dict[str, T]) -> dict[str, T]:
    """Take off the prefix of networks that were saved from DataParallel."""
    if not all(name.startswith("module.") for name in tensors):
        return tensors
    return {name.removeprefix("module."): tensor for name, tensor in tensors.items()}


def _read_safe(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(path))
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, "damaged or no safetensors") from error


def load_pickled(path: Path) -> Any:
    """Return what a pickled file holds, on the CPU: tensors and plain containers, nothing of it is run.

    Raises
    ------
    RecipeError
        Another class is asked for, the file is damaged, or torch is too old to be asked.
    """
    from pickle import UnpicklingError  # the exception alone: torch raises it for what it refuses to run

    import torch

    version = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
    if version < _SAFE_TORCH:
        raise RecipeError(
            f"weights {path.name}",
            expected="torch 2.6 or later to read a pickled file",
            got=f"torch {version[0]}.{version[1]}",
            remedy="Install a later torch, or convert the weights to safetensors.",
        )
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise _unreadable(path, "a pickle that holds more than tensors; nothing of it was run") from error
    except (RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        raise _unreadable(path, f"a damaged file ({type(error).__name__})") from error


def _read_pickled(path: Path) -> dict[str, Tensor]:
    import torch

    content = load_pickled(path)
    for wrapper in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict) or not all(isinstance(one, torch.Tensor) for one in content.values()):
        raise _unreadable(path, "something else than tensors by name")
    return content


def _unreadable(path: Path, got: str) -> RecipeError:
    return RecipeError(
        f"weights {path.name}",
        expected="tensors by name, as safetensors or a state dict",
        got=got,
        remedy="Download the file again, or save the model's state dict as safetensors.",
    )


def _folders(root: Path, card: EncoderCard) -> list[Path]:
    folders = [root / card.name]
    if card.hub_id is not None:
        folders.append(root / card.hub_id.replace("/", "--"))
    return folders


def _chosen(card: EncoderCard, folder: Path) -> list[str]:
    """Return the names of the weight files in a folder: one file, or all shards of one."""
    if card.weight_file is not None and (folder / card.weight_file).is_file():
        return [card.weight_file]
    held = {path.name for path in folder.iterdir() if path.is_file()} - _CLUTTER
    for endings in (SAFE_ENDINGS, PICKLED_ENDINGS):
        names = sorted(name for name in held if Path(name).suffix in endings)
        shards = [match for name in names if (match := _SHARD.search(name))]
        whole = bool(names) and len(shards) == len(names) and {int(s[1]) for s in shards} == {len(names)}
        if whole or (len(names) == 1 and not shards):
            return names
        if names:
            raise RecipeError(
                f"encoder {card.name}: weights in {folder.name}",
                expected="one weight file, or all shards of one",
                got=f"{len(names)} files ({', '.join(names[:4])})",
                remedy="Leave the one that the encoder is to use.",
            )
    raise RecipeError(
        f"encoder {card.name}: weights in {folder.name}",
        expected="a file *.safetensors, *.bin, *.pth or *.pt",
        got="none",
        remedy="Copy the model's files into the folder.",
    )
