"""The codebook of a mask: which label is which region.

Enters: the cells `region` and `codebook` of masks.csv, and labels. Leaves: one boolean array a region. A
codebook is `label=name`, several joined by `;`, such as ``1=PZ;2=TZ``. Labels that share a name are one
region. With one name the region is called as the row's `region` says; with several, `<region>_<name>`: a
name depends on its row alone and is the same in every case. Without a codebook all but 0 is the region.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from jaxtyping import Bool, Int32

from feature_cache.errors import SourceError

#: The region that every study has: all voxels of the crop.
CROP = "crop"
_ENTRY = re.compile(r"\s*(\d+)\s*=\s*([^=;/]+?)\s*")

Labels = Int32[np.ndarray[Any, Any], "x y z"]


def region_labels(region: str, codebook: str | None, where: str) -> dict[str, frozenset[int] | None]:
    """Return region name -> labels; None for "all but 0".

    Raises
    ------
    SourceError
        A codebook of another form, with label 0 or a label twice; a region that is called `crop` or has a
        slash, which joins series, region and feature in a column's name.
    """
    if region == CROP or "/" in region or not region.strip():
        raise SourceError(
            where,
            expected=f"a region with a name of its own, without /, other than {CROP}",
            got=repr(region),
            remedy="Rename the region in masks.csv.",
        )
    if codebook is None:
        return {region: None}
    entries = [_ENTRY.fullmatch(part) for part in codebook.split(";")]
    pairs = [(int(entry[1]), entry[2]) for entry in entries if entry is not None]
    labels = [label for label, _ in pairs]
    if len(pairs) < len(entries) or 0 in labels or len(set(labels)) < len(labels):
        raise SourceError(
            where,
            expected="a codebook such as 1=PZ;2=TZ: each label once, none 0",
            got="another form, label 0, or a label twice",
            remedy="Mend the codebook in masks.csv; 0 is what belongs to no region.",
        )
    names = dict.fromkeys(name for _, name in pairs)
    return {
        region if len(names) == 1 else f"{region}_{name}": frozenset(
            label for label, other in pairs if other == name
        )
        for name in names
    }


def split_labels(
    labels: Labels, regions: dict[str, frozenset[int] | None], where: str
) -> dict[str, Bool[np.ndarray[Any, Any], "x y z"]]:
    """Return one mask a region, in the codebook's order; a region without a voxel is a mask of none.

    Raises
    ------
    SourceError
        The mask holds a label that its codebook does not name.
    """
    present = {int(label) for label in np.unique(labels)} - {0}
    named = {label for chosen in regions.values() for label in chosen or present}
    if present - named:
        raise SourceError(
            where,
            expected=f"labels 0 and {', '.join(map(str, sorted(named)))} as its codebook says",
            got=f"label {', '.join(map(str, sorted(present - named)[:5]))} as well",
            remedy="Name every label in the codebook of masks.csv.",
        )
    return {
        name: labels != 0 if chosen is None else np.isin(labels, sorted(chosen))
        for name, chosen in regions.items()
    }
