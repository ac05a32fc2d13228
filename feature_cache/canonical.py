"""Canonical JSON and its hash: the one way in which Braid turns settings and ids into an identity.

Enters: plain JSON values. Leaves: bytes that are the same on every machine, and their sha256.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


def canonical_json(value: object) -> bytes:
    """Return `value` as JSON with sorted keys and no spaces; NaN is refused with `ValueError`."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


def sha256_of_json(value: object) -> str:
    """Return the sha256 (hex) of the canonical JSON of `value`."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def sha256_of_file(path: Path) -> str:
    """Return the sha256 (hex) of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
