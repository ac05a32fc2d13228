"""entry.json as bytes: readable, sorted, and sealed by a hash of itself.

Enters: the record of an entry as plain JSON, without its hash. Leaves: the bytes of `entry.json`, and
the document again. There is one way to write a document, so a file that says the same in other bytes is
not what was committed.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from json.encoder import encode_basestring

from feature_cache.canonical import Json, canonical_json

FILE = "entry.json"
#: A hundred times the largest that an encoder gives. A larger file is not read to find out what it is.
MOST_BYTES = 2**24
SEAL = "entry_sha256"

#: The part with long texts, and what all entries of a feature set say in the same words.
_LONG_TEXTS, _ALIKE = "arrays", ("attrs", "settings", "used")
_LONGEST_REMEMBERED = 2**16

_NESTED = (dict, list)
_AS_IT_IS = bytes(character for character in range(32, 127) if character not in b'"\\')
_LONG = 1000
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
_COMPACT = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


def seal_document(body: dict[str, Json]) -> bytes:
    """Return `body` and the sha256 of its canonical JSON as the bytes of an `entry.json`.

    Raises
    ------
    ValueError, TypeError
        The body holds a NaN, or something that is not JSON.
    """
    plain: dict[str, Json] = json.loads(canonical_json(body))
    parts = _canonical_parts(plain)
    return _readable({**plain, SEAL: _seal(parts)}, parts)


def open_document(raw: bytes) -> dict[str, Json]:
    """Return the document in the bytes of an `entry.json`.

    Raises
    ------
    ValueError
        They are no JSON, are not sealed by the hash inside, or are not written as `seal_document` writes.
    """
    try:
        document = json.loads(raw)
        if not isinstance(document, dict) or SEAL not in document:
            raise ValueError(f"no {SEAL} in it")
        parts = _canonical_parts(document)
        if document[SEAL] != _seal(parts):
            raise ValueError("a hash of itself that does not match")
        if raw != _readable(document, parts):
            raise ValueError("the same content in other bytes")
    except (UnicodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError("no JSON") from error
    return document


def _canonical_parts(document: dict[str, Json]) -> dict[str, str]:
    """Return the canonical JSON of each part of a document but its seal, sorted by name."""
    return {
        name: _canonical(document[name]) if name == _LONG_TEXTS else _COMPACT.encode(document[name])
        for name in sorted(document)
        if name != SEAL
    }


def _seal(parts: dict[str, str]) -> str:
    """Return the sha256 of the canonical JSON that these parts make up."""
    inside = ",".join(f"{_plain(name)}:{text}" for name, text in parts.items())
    return hashlib.sha256(f"{{{inside}}}".encode()).hexdigest()


def _canonical(value: Json) -> str:
    """Return what `canonical_json` returns, with the long texts of arrays copied and not looked through."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{_plain(name)}:{_canonical(value[name])}" for name in sorted(value)) + "}"
    return _plain(value) if isinstance(value, str) else _COMPACT.encode(value)


def _readable(document: dict[str, Json], parts: dict[str, str]) -> bytes:
    """Return a document as it is written; `parts` are canonical."""
    lines = []
    for name, value in sorted(document.items()):
        known = name in _ALIKE and len(parts[name]) <= _LONGEST_REMEMBERED
        text = _indented_part(parts[name]) if known else _indented(value, "  ")
        lines.append(f"  {_plain(name)}: {text}")
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


@lru_cache(maxsize=16)
def _indented_part(canonical: str) -> str:
    """Return a part as it stands in a document; a thousand entries of a feature set share it."""
    return _indented(json.loads(canonical), "  ")


def _indented(value: Json, margin: str) -> str:
    """Return JSON, indented by two, with a list of plain values on one line."""
    inner = f"{margin}  "
    if isinstance(value, dict) and value:
        lines = [f"{_plain(name)}: {_indented(value[name], inner)}" for name in sorted(value)]
        return "{\n" + ",\n".join(inner + line for line in lines) + f"\n{margin}}}"
    if isinstance(value, list) and any(isinstance(item, _NESTED) for item in value):
        rows = _rows(value)
        if rows is not None:
            return "[\n" + inner + rows.replace("], [", f"],\n{inner}[") + f"\n{margin}]"
        return "[\n" + ",\n".join(inner + _indented(item, inner) for item in value) + f"\n{margin}]"
    return _plain(value)


def _rows(value: list[Json]) -> str | None:
    """Return a list of lists of numbers without its brackets, in one call; None of any other list."""
    if not all(isinstance(item, list) for item in value):
        return None
    text = _plain(value)
    return None if '"' in text or "{" in text or text.count("[") > len(value) + 1 else text[1:-1]


def _plain(value: Json) -> str:
    if not isinstance(value, str):
        return _ENCODER.encode(value)
    if len(value) > _LONG and not value.encode().translate(None, _AS_IT_IS):
        return f'"{value}"'  # an array in base64: five times as fast as looking for what to escape
    return encode_basestring(value)
