"""Where an axis of numbers carries its ticks.

Enters: the range of what is drawn. Leaves: round positions that cover it.
"""

from __future__ import annotations

import math


def round_ticks(low: float, high: float, *, at_most: int = 8) -> tuple[float, ...]:
    """Return rising round positions, a constant step apart, from at or below `low` to at or above `high`.

    The step is 1, 2 or 5 times a power of ten.

    >>> round_ticks(0.44, 0.83)
    (0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    """
    if not low < high:
        low, high = low - 0.05, high + 0.05
    power = 10.0 ** math.floor(math.log10((high - low) / at_most))
    step = next(
        factor * power
        for factor in (1, 2, 5, 10, 20)
        if math.ceil(high / (factor * power) - 1e-9) - math.floor(low / (factor * power) + 1e-9) < at_most
    )
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(round(place * step, 10) for place in range(first, last + 1))
