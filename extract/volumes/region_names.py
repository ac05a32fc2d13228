"""What regions are called: the names that masks.csv may use for a gland, a zone, a lesion, a heart's parts.

Enters: names of regions as a study has them (`codebook.py`), and what a recipe says of them. Leaves: by
meaning, the names that stand for it. A region keeps the name of its manifest; this is the one place that says
what a name means. Names are compared in lower case with `_` for blanks, dots and hyphens, after a container's
name such as `zones_` and the word for a mask (`gland_mask`, `zones_seg_PZ`: so files are called) were taken
off; what is not listed has no meaning here until a recipe gives it one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Literal, get_args

from feature_cache.errors import SourceError

Meaning = Literal[
    "gland", "peripheral", "transition", "lesion", "myocardium", "lv_cavity", "rv_cavity", "scar"
]

#: Meaning -> names. Central gland is counted as transition: published zone masks have two labels. An area of
#: no reflow is scar: the infarct includes it.
NAMES: dict[Meaning, str] = {
    "gland": r"gland|prostate|whole_gland|whole_prostate|prostate_gland",
    "peripheral": r"pz|peripheral|peripheral_zone",
    "transition": r"tz|transition|transitional|transition_zone|transitional_zone|central_gland",
    "lesion": r"(lesions?|tumou?rs?|cspca)(_?(\d+|isup_?\d|pi_?rads_?\d))?",
    "myocardium": r"myo|myocardium|lv_myo|lv_myocardium|left_ventricular_myocardium",
    "lv_cavity": r"lv|lv_cavity|lv_blood_pool|left_ventricle|left_ventricular_cavity|cavity",
    "rv_cavity": r"rv|rv_cavity|rv_blood_pool|right_ventricle|right_ventricular_cavity",
    "scar": r"scars?|fibrosis|infarct|infarction|no_reflow|mvo",
}
#: What a mask with several labels may be called; `prostate` of a codebook `1=PZ;2=TZ` is such a container.
_CONTAINERS = r"zones?|zonal|prostate|gland|heart|cardiac|ventricles?|labels?|seg|segmentation|mask|lge|cine"
#: Meanings of which several regions are one: two lesions are a patient's lesions. Two glands are a question.
_SEVERAL: frozenset[Meaning] = frozenset({"lesion", "scar"})
_MASK = r"(?:_(?:mask|seg|gt|label))?"
_PATTERNS = {
    meaning: re.compile(rf"(?:(?:{_CONTAINERS}){_MASK}_)?(?:{names}){_MASK}")
    for meaning, names in NAMES.items()
}
_HEART: frozenset[Meaning] = frozenset({"myocardium", "lv_cavity", "rv_cavity", "scar"})


def is_gland(name: str) -> bool:
    """Whether a region of this name is the whole gland.

    Examples
    --------
    >>> is_gland("Whole gland"), is_gland("prostate"), is_gland("zones_PZ")
    (True, True, False)
    """
    return meaning_of(name) == "gland"


def meaning_of(name: str) -> Meaning | None:
    """Return what a region of this name is; None where the name is not listed.

    Examples
    --------
    >>> meaning_of("zones_PZ"), meaning_of("heart_MYO"), meaning_of("lesion_2"), meaning_of("outside_gland")
    ('peripheral', 'myocardium', 'lesion', None)
    """
    plain = _plain(name)
    for meaning, pattern in _PATTERNS.items():
        if pattern.fullmatch(plain):
            return meaning
    return None


def names_by_meaning(
    regions: Sequence[str], said: Mapping[Meaning, Collection[str]], where: str
) -> dict[Meaning, tuple[str, ...]]:
    """Return the regions of a study that stand for each meaning; a meaning without a region is left out.

    Parameters
    ----------
    regions
        Names as the study has them.
    said
        What the recipe says: these names, and no others, stand for the meaning. Names that a study does not
        have are let pass, for another study may have them.
    where
        The study, for an error.

    Raises
    ------
    SourceError
        Two regions could be the same organ or zone, and the recipe does not say which is meant.
    """
    told = {_plain(name) for names in said.values() for name in names}
    found: dict[Meaning, tuple[str, ...]] = {}
    for meaning in get_args(Meaning):
        if meaning in said:
            wanted = {_plain(name) for name in said[meaning]}
            own = [name for name in regions if _plain(name) in wanted]
        else:
            own = [name for name in regions if _plain(name) not in told and meaning_of(name) == meaning]
        if len(own) > 1 and meaning not in _SEVERAL and meaning not in said:
            organ = "heart" if meaning in _HEART else "prostate"
            raise SourceError(
                where,
                expected=f"one region that is the {meaning}",
                got=", ".join(sorted(own)),
                remedy="Say in the recipe's volumes block: "
                f"`measures: {{organ: {organ}, regions: {{{meaning}: [{min(own)}]}}}}`.",
            )
        if own:
            found[meaning] = tuple(sorted(own))
    return found


def names_of_gland(
    regions: Sequence[str], said: Mapping[Meaning, Collection[str]], where: str
) -> tuple[str, ...]:
    """Return the regions that together are the whole gland: as drawn, or both zones; none otherwise.

    Parameters and errors are those of `names_by_meaning`.
    """
    found = names_by_meaning(regions, said, where)
    zones = (found.get("peripheral", ()), found.get("transition", ()))
    return found.get("gland") or (zones[0] + zones[1] if all(zones) else ())


def _plain(name: str) -> str:
    return re.sub(r"[\s.\-]+", "_", name.strip().lower())
