"""What would be needed to know: how many cases turn a "cannot tell" into an answer.

Enters: an interval that leaves a question open, the bounds it would have to clear, and the size of the
cohort. Leaves: a number of cases and events. Widths of intervals are taken to shrink with the root of the
number of cases, the share of events to stay, and models to become no better: a rule of thumb for planning.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from fuse.verdict.words import SMALLEST_GAIN, Measured, counted

#: Squared ratio of (97.5 % + 80 %) to 97.5 % normal quantiles: an interval that just reaches a bound at the
#: true value clears it in half of all cohorts, one narrower by this factor's root in 80 of 100.
POWER_FACTOR = ((1.959964 + 0.841621) / 1.959964) ** 2
POWER_IN_WORDS = "80 % power"


@dataclass(frozen=True, kw_only=True)
class Needed:
    """What would decide a question; without `cases` it cannot be said, and `words` say why."""

    words: str
    cases: int | None = None
    events: int | None = None


@dataclass(frozen=True, kw_only=True)
class Size:
    """How many cases were tested, and how many of them had the event (None: there are several classes)."""

    cases: int
    events: int | None


NOTHING_NEEDED = Needed(words="")
_NO_INTERVAL = Needed(words="Without an interval it cannot be said what would decide it.")


def needed_for_gain(measured: Measured, chance: float, size: Size) -> Needed:
    """Return what decides whether something lies above `chance`, or a gain worth having above it is excluded.

    Examples
    --------
    >>> open_question = Measured(estimate=0.02, low=-0.02, high=0.06, method="")
    >>> needed_for_gain(open_question, 0.0, Size(cases=100, events=30)).cases
    820
    """
    low, high = measured.estimate - measured.low, measured.high - measured.estimate
    if not (math.isfinite(low) and math.isfinite(high)):
        return _NO_INTERVAL
    above, below = measured.estimate - chance, chance + SMALLEST_GAIN - measured.estimate
    times = [(half / room) ** 2 for half, room in ((low, above), (high, below)) if room > 0]
    likely = scale_size(size, POWER_FACTOR * min(times))
    surely = scale_size(size, ((high + low) / SMALLEST_GAIN) ** 2)
    if surely.cases and likely.cases and surely.cases <= likely.cases:
        return replace(surely, words=f"It would take about {surely.words}, whatever the truth is.")
    return replace(likely, words=f"{say_likely(likely)}, and {surely.cases:,} cases whatever the truth is.")


def say_likely(size: Needed) -> str:
    """Return the words for a size that decides if the estimate is the truth."""
    return f"It would take about {size.words} if the truth is what was estimated here ({POWER_IN_WORDS})"


def scale_size(size: Size, factor: float) -> Needed:
    """Return `factor` times the size, to two digits, no smaller than it is; `words` give just the numbers."""
    factor = max(1.0, factor)
    cases = _two_digits(factor * size.cases)
    events = None if size.events is None else _two_digits(factor * size.events)
    of_events = "" if events is None else f" with {counted(events, 'event')}"
    words = f"{counted(cases, 'case')}{of_events}"
    return Needed(words=_with_commas(words), cases=cases, events=events)


def _two_digits(value: float) -> int:
    """Return a number rounded up to two digits (below 100: to a whole one).

    >>> _two_digits(1234.0), _two_digits(61.2)
    (1300, 62)
    """
    step = int(10 ** max(0, math.floor(math.log10(max(value, 1.0))) - 1))
    return math.ceil(value / step - 1e-9) * step


def _with_commas(words: str) -> str:
    """Write numbers of four digits and more with commas."""
    parts = (f"{int(word):,}" if word.isdecimal() and len(word) > 3 else word for word in words.split(" "))
    return " ".join(parts)
