"""Where an axis of numbers carries its ticks.

Enters: the range of what is drawn. Leaves: round positions that cover it.
"""

from __future__ import annotations

import math

#: A narrower range is drawn on a wider axis: to magnify rounding errors would make them look like results.
NARROWEST = 0.01


def round_ticks(low: float, high: float, *, at_most: int = 8) -> tuple[float, ...]:
    """Return rising round positions, a constant step apart, from at or below `low` to at or above `high`.

    The step is 1, 2 or 5 times a power of ten.

    >>> round_ticks(0.44, 0.83)
    (0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    """
    if high - low < NARROWEST:
        low, high = low - 5 * NARROWEST, high + 5 * NARROWEST
    power = 10.0 ** math.floor(math.log10((high - low) / at_most))
    step = next(
        factor * power
        for factor in (1, 2, 5, 10, 20)
        if math.ceil(high / (factor * power) - 1e-9) - math.floor(low / (factor * power) + 1e-9) < at_most
    )
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(round(place * step, 10) for place in range(first, last + 1))
