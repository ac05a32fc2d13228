"""Values of the fit as plain JSON and arrays, and back: no pickle, so that a file can run nothing.

Enters: frozen dataclasses, mappings, tuples, numbers and arrays. Leaves: JSON in which every array is named,
and the arrays by their names. Taken back, a value has the same bits; only the dataclasses that the reader
names are built.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray[Any, Any]]


def to_plain(value: object, arrays: Arrays) -> object:
    """Return `value` as JSON, its arrays put into `arrays`.

    Raises
    ------
    TypeError
        It holds something else.
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, (np.ndarray, np.generic)):
        return _named(value, arrays)
    if isinstance(value, Mapping):
        return {"map": [[to_plain(key, arrays), to_plain(inner, arrays)] for key, inner in value.items()]}
    if isinstance(value, (tuple, list)):
        return {type(value).__name__: [to_plain(inner, arrays) for inner in value]}
    if is_dataclass(value) and not isinstance(value, type):
        told = {field.name: to_plain(getattr(value, field.name), arrays) for field in fields(value)}
        return {"is": type(value).__name__, "fields": told}
    raise TypeError(f"no plain form of a {type(value).__name__}")


def from_plain(told: Any, arrays: Mapping[str, np.ndarray[Any, Any]], classes: Mapping[str, Any]) -> Any:
    """Return the value that `to_plain` took apart.

    Parameters
    ----------
    classes
        Name -> dataclass, of those that may be built (`KeyError` for any other).
    """
    if not isinstance(told, dict):
        return told
    if "array" in told:
        return arrays[told["array"]]
    if "scalar" in told:
        return arrays[told["scalar"]][()]
    if "map" in told:
        pairs = told["map"]
        return {from_plain(key, arrays, classes): from_plain(one, arrays, classes) for key, one in pairs}
    if "is" in told:
        inner = {name: from_plain(one, arrays, classes) for name, one in told["fields"].items()}
        return classes[told["is"]](**inner)
    (kind, several), *_ = told.items()
    return {"tuple": tuple, "list": list}[kind](from_plain(one, arrays, classes) for one in several)


def _named(value: np.ndarray[Any, Any] | np.generic, arrays: Arrays) -> dict[str, str]:
    array = np.asarray(value)
    if array.dtype.hasobject:
        raise TypeError("no plain form of an array of objects")
    name = f"array{len(arrays)}"
    arrays[name] = array
    return {"array" if isinstance(value, np.ndarray) else "scalar": name}
