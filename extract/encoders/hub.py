"""Weights from the hub, at a pinned revision or not at all.

Enters: a card and 40 hex digits. Leaves: a folder of the hub's own cache, where the next run finds it without
a network (HF_HUB_OFFLINE is respected). A branch moves; what it gave yesterday is no proof of anything.
"""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

from extract.encoders.card import EncoderCard
from feature_cache.errors import RecipeError

#: Weights by the ending of their name, the safe form first. The pickled ones are read as tensors or refused.
SAFE_ENDINGS = (".safetensors",)
PICKLED_ENDINGS = (".bin", ".pth", ".pt", ".ckpt")
_REVISION = re.compile(r"[0-9a-f]{40}")


def download(card: EncoderCard, revision: str | None, root: Path | None) -> Path:
    """Return the folder of a snapshot at a pinned revision, downloaded or from the hub's own cache.

    Only weights and what the card names beside them are asked for; pickled ones where there are no others.

    Raises
    ------
    RecipeError
        The card is on no hub, no revision is pinned, or the hub does not give it (gated, offline, unknown).
    """
    where = f"encoder {card.name}: weights"
    local = f"{where_to_put(card, root)} and run with --weights {_name_of(root)}"
    if card.hub_id is None:
        raise RecipeError(
            where, expected="a local copy", got="none", remedy=f"{local[0].upper()}{local[1:]}."
        )
    if revision is None or not _REVISION.fullmatch(revision):
        raise RecipeError(
            where,
            expected=f"a local copy, or a pinned revision of {card.hub_id} (40 hex digits)",
            got="neither" if revision is None else "a revision that is a branch or a short name",
            remedy=f"{local[0].upper()}{local[1:]}, or give the recipe's block `revision:` from the hub.",
        )
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError

    try:
        for patterns in _patterns(card):
            wanted = [*card.companions, *patterns]
            folder = Path(snapshot_download(card.hub_id, revision=revision, allow_patterns=wanted))
            if any(fnmatch(path.name, pattern) for path in folder.iterdir() for pattern in patterns):
                break
        return folder
    except GatedRepoError as error:
        got = f"a gated model: {card.hub_id} gives it to accounts with its leave"
        remedy = f"Ask for access on the hub and log in with `hf auth login`, or {local}."
        raise RecipeError(where, expected="leave to download", got=got, remedy=remedy) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        got = f"no download of {card.hub_id} ({type(error).__name__})"
        remedy = f"Look at network, HF_HUB_OFFLINE and revision, or {local}."
        raise RecipeError(where, expected="the hub or a local copy", got=got, remedy=remedy) from error


def where_to_put(card: EncoderCard, root: Path | None) -> str:
    """Return what to do with weights that are at hand; the folder's name alone, because paths name people."""
    return f"put {card.weight_file or 'them'} into {_name_of(root)}/{card.name}/"


def _name_of(root: Path | None) -> str:
    return "DIR" if root is None else root.name


def _patterns(card: EncoderCard) -> list[list[str]]:
    """Return what to ask for, one choice after the other until there is something."""
    if card.weight_file is not None:
        return [[card.weight_file]]
    return [[f"*{ending}" for ending in endings] for endings in (SAFE_ENDINGS, PICKLED_ENDINGS)]
