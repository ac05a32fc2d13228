"""Whether a grade group agrees with the Gleason patterns it was derived from. Flagged, never mended.

Enters: a card and the cells of one case. Leaves: a warning, or nothing. CHIMERA has 3 such cases in 95.
"""

from __future__ import annotations

from collections.abc import Mapping

from extract.clinical.values import parse_cell
from feature_cache.card import CohortCard
from feature_cache.entry import OBSERVED


def grade_group(primary: int, secondary: int) -> int:
    """Return the ISUP grade group (1 to 5) of two Gleason patterns.

    Source: Epstein et al., Am J Surg Pathol 2016;40:244-252 (2014 ISUP consensus).

    Examples
    --------
    >>> grade_group(3, 4), grade_group(4, 3)
    (2, 3)
    """
    total = primary + secondary
    if total == 7:
        return 2 if primary == 3 else 3
    return 1 if total <= 6 else min(total - 4, 5)


def disagreement(card: CohortCard, cells: Mapping[str, str]) -> str | None:
    """Return a warning where the card names both patterns (for CAPRA-S) and an ISUP that contradicts them."""
    names = card.risk_scores.get("capra_s", {})
    isup = next((name for name in card.variables if name.casefold() == "isup"), None)
    wanted = (names.get("primary_gleason"), names.get("secondary_gleason"), isup)
    found = [_whole(card, name, cells) for name in wanted]
    if any(value is None for value in found):
        return None
    primary, secondary, group = (int(value) for value in found if value is not None)
    if grade_group(primary, secondary) == group:
        return None
    return f"{isup} disagrees with {names['primary_gleason']} + {names['secondary_gleason']}"


def _whole(card: CohortCard, name: str | None, cells: Mapping[str, str]) -> int | None:
    if name is None or name not in card.variables or name not in cells:
        return None
    variable = card.variables[name]
    try:
        cell = parse_cell(cells[name], variable)[0]
        if cell.state != OBSERVED:
            return None
        return int(variable.levels[int(cell.value)]) if variable.levels else int(cell.value)
    except ValueError:  # an unreadable cell is named by `check`; a level that is no number is no grade
        return None
