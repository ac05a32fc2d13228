"""Feature sets that hold values of another modality, said once before anybody reads an arm as imaging alone.

Enters: a chosen feature set. Leaves: a warning where its entries were made of clinical values beside images.
"""

from __future__ import annotations

from collections.abc import Iterator

from feature_cache.errors import Problem
from fuse.features.feature_sets import ChosenSet


def mixed_sources(chosen: ChosenSet) -> Iterator[Problem]:
    """Yield a warning for a set of another modality whose settings declare clinical values."""
    settings = chosen.records[0].settings
    if chosen.modality == "clinical" or not isinstance(settings.get("clinical"), dict):
        return
    names = ", ".join(str(one["name"]) for one in settings.get("variables", ()))
    yield Problem(
        level="warning",
        where=f"cache: {chosen.modality}/{chosen.name}",
        expected="values of images alone, where an arm is read as imaging alone",
        got=f"measures of images together with clinical values ({names})",
        remedy=f"Read {chosen.label} as both. Imaging alone is `volumes`, or a burden without `psa`.",
    )
