"""Names on disk: ids as they are in the manifest, as folder names that every file system takes.

Enters: a cohort, modality, recipe name, case id or item id, any text. Leaves: one folder name that is
never `.`, `..`, hidden, a room of the cache (`_tmp`), a Windows device or too long, and that no other
text gives. Where an entry lives is decided here alone, so nothing can be written outside the cache.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath
from urllib.parse import quote, unquote

from feature_cache.entry import EntryKey
from feature_cache.errors import CacheError

#: Folders of the cache that hold no entries of their own. An encoded name never begins with `_`.
TMP, TRASH, QUARANTINE, INDEX, RUNS = ROOMS = ("_tmp", "_trash", "_quarantine", "_index", "_runs")

#: Longest folder name in characters (all ASCII). File systems take 255; Windows counts the whole path.
MAX_NAME = 120

_DIGEST = 32
_PORTS = (f"{port}{number}" for port in ("com", "lpt") for number in range(10))
_DEVICES = frozenset(["con", "prn", "aux", "nul", *_PORTS])


def encode_name(name: str) -> str:
    """Return the folder name of an id; different ids give different names.

    Letters, digits, `-`, `_` and `.` stay; everything else becomes `%XX` of its UTF-8 bytes, and so do a
    leading `.` or `_`, a trailing `.` and the first letter of a Windows device name. What is longer than
    `MAX_NAME` is cut and ends in `~` and half a sha256 of the id; no other name holds a `~`.

    Raises
    ------
    CacheError
        The id is empty, or is not text that UTF-8 can hold.

    Examples
    --------
    >>> encode_name("TCGA-A1.b_2"), encode_name(".."), encode_name("a/b"), encode_name("nul.1")
    ('TCGA-A1.b_2', '%2E%2E', 'a%2Fb', '%6Eul.1')
    """
    try:
        text = quote(name, safe="").replace("~", "%7E")
    except UnicodeEncodeError as error:
        raise _bad_id("text that is no Unicode (a lone surrogate)") from error
    if not text:
        raise _bad_id("an empty text")
    if text[0] in "._" or text.split(".")[0].lower() in _DEVICES:
        text = f"%{ord(text[0]):02X}{text[1:]}"
    if text[-1] == ".":
        text = f"{text[:-1]}%2E"
    if len(text) > MAX_NAME:
        digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]
        text = f"{text[: MAX_NAME - _DIGEST - 1]}~{digest}"
    return text


def decode_name(folder: str) -> str | None:
    """Return the id that `encode_name` was given, or None where it had to be cut."""
    return None if "~" in folder else unquote(folder, errors="strict")


def feature_set_name(recipe_name: str, recipe_hash: str) -> str:
    """Return the folder name of a feature set, `<recipe-name>-<hash12>`.

    Raises
    ------
    CacheError
        The hash is not the 64 hex digits of a sha256.
    """
    if not re.fullmatch("[0-9a-f]{64}", recipe_hash):
        raise CacheError(
            f"recipe {encode_name(recipe_name)}",
            expected="a recipe hash of 64 hex digits",
            got=f"{len(recipe_hash)} characters that are not",
            remedy="Take it from ResolvedRecipe.hash.",
        )
    return f"{encode_name(recipe_name)}-{recipe_hash[:12]}"


def encode_feature_set(name: str) -> str:
    """Return the folder name of a feature set named as `EntryKey.feature_set` names it."""
    recipe_name, _, hash12 = name.rpartition("-")
    if not recipe_name or not re.fullmatch("[0-9a-f]{12}", hash12):
        raise CacheError(
            "feature set",
            expected="a name <recipe>-<hash12>",
            got=encode_name(name),
            remedy="`python -m extract status CACHE` lists the names.",
        )
    return f"{encode_name(recipe_name)}-{hash12}"


def entry_path(key: EntryKey) -> PurePosixPath:
    """Return where an entry lives, relative to the root of the cache: always five folders deep."""
    return PurePosixPath(
        encode_name(key.cohort),
        encode_name(key.modality),
        feature_set_name(key.recipe_name, key.recipe_hash),
        encode_name(key.case_id),
        encode_name(key.item_id),
    )


def _bad_id(got: str) -> CacheError:
    return CacheError("id", expected="a non-empty text", got=got, remedy="Mend the id in the manifest.")
