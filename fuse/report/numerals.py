"""How the page writes numbers, so that the same quantity has the same digits everywhere.

Enters: numbers, or `None` where nothing could be estimated. Leaves: text. The zero before the point is left
out, as medical journals print statistics between 0 and 1; minus is the minus sign, not a hyphen.
"""

from __future__ import annotations

from feature_cache.card import DAYS_PER_UNIT

NOTHING = "—"
MINUS = "−"


def decimal(value: float | None, digits: int = 3) -> str:
    """Return ``.712``, ``−.016`` or ``1.000``; a dash for `None`.

    >>> decimal(0.7124), decimal(-0.016), decimal(1.0), decimal(None)
    ('.712', '−.016', '1.000', '—')
    """
    if value is None:
        return NOTHING
    size = f"{abs(value):.{digits}f}"
    if size.startswith("0."):
        size = size[1:]
    return f"{MINUS}{size}" if value < 0 and float(size) > 0 else size


def signed(value: float | None, digits: int = 3) -> str:
    """Return the same with a plus before what is above 0: differences and contributions."""
    text = decimal(value, digits)
    return f"+{text}" if value is not None and value > 0 and float(text) > 0 else text


def span(low: float | None, high: float | None, digits: int = 3) -> str:
    """Return ``.601 to .823``; nothing where there is no interval.

    >>> span(-0.016, 0.058), span(None, None)
    ('−.016 to .058', '')
    """
    if low is None or high is None:
        return ""
    return f"{decimal(low, digits)} to {decimal(high, digits)}"


def percent(share: float) -> str:
    """Return a share as whole percent.

    >>> percent(0.284)
    '28 %'
    """
    return f"{100 * share:.0f} %"


def duration(days: float) -> str:
    """Return days as whole months where they are two or more whole months (30.4375 days), else as days.

    >>> duration(1826.25), duration(90), duration(30)
    ('60 months', '90 days', '30 days')
    """
    months = whole_months(days)
    return f"{days:g} days" if months is None or months < 2 else f"{months} months"


def whole_months(days: float) -> int | None:
    """Return the number of months if `days` is within half a day of a whole number of them, else `None`."""
    month = DAYS_PER_UNIT["months"]
    nearest = round(days / month)
    return nearest if abs(days - nearest * month) <= 0.5 and days >= 0 else None
