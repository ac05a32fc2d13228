"""The names of thousands of values as one small array, instead of as many lines of JSON in every entry.

Enters: names in the order of the values. Leaves: their text in UTF-8, one name a line, as the array `names`
of a vector; and the names again. The array is hashed like any other, so two entries have the same columns
exactly where the hashes of their `names` are one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8

from feature_cache.array_format import AnyArray
from feature_cache.errors import CacheError

#: What the array is called.
NAMES = "names"


def pack_names(names: Sequence[str]) -> UInt8[np.ndarray, " byte"]:
    """Return names as bytes, each ended by a line feed.

    Raises
    ------
    CacheError
        A name holds a line feed itself, or is no text that UTF-8 can hold.

    Examples
    --------
    >>> pack_names(["a", "µ"]).tolist()
    [97, 10, 194, 181, 10]
    """
    text = "".join(f"{name}\n" for name in names)
    try:
        packed = np.frombuffer(text.encode(), dtype=np.uint8)
    except UnicodeEncodeError as error:
        raise _no_names("a lone surrogate") from error
    if text.count("\n") != len(names):
        raise _no_names("a name with a line feed in it")
    return packed


def unpack_names(packed: AnyArray) -> tuple[str, ...]:
    """Return the names in an array that `pack_names` made; `CacheError` where it is none."""
    raw = packed.tobytes()
    if packed.dtype != np.uint8 or packed.ndim != 1 or raw[-1:] not in (b"", b"\n"):
        raise _no_names("an array of another kind")
    try:
        return tuple(raw.decode().split("\n")[:-1])
    except UnicodeDecodeError as error:
        raise _no_names("bytes that are no UTF-8") from error


def _no_names(got: str) -> CacheError:
    return CacheError(
        f"array {NAMES}", expected="names in UTF-8, one a line", got=got, remedy="Mend what made the entry."
    )
