"""Loops over pixels as machine code: compiled by numba when first called, kept on disk for the next process.

Enters: a function of arrays that holds plain loops. Leaves: the same function, compiled, without the
interpreter's lock, so that reader threads run side by side. numba is imported here and nowhere else, and
never at start-up.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any


@cache
def compiled(function: Callable[..., None]) -> Callable[..., None]:
    """Return `function` as machine code; its results must be whole numbers or sums in a fixed order.

    Where nothing may be written beside the code, nor in the user's cache folder, it is compiled anew.
    """
    from numba import njit

    try:
        fast: Any = njit(nogil=True, cache=True, error_model="numpy")(function)
    except RuntimeError:  # numba found no folder for its cache
        fast = njit(nogil=True, error_model="numpy")(function)
    made: Callable[..., None] = fast
    return made
