"""Grey level runs: voxels of one level in a row (IBSI reference manual 3.7, TP0I).

Enters: a levelled region. Leaves: 16 values of each direction's matrix, averaged over the 13 directions
(`3D_avg`, ITBB), or of all their runs together (`3D_comb`, IAZD), where a voxel counts 13 times.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from extract.volumes.texture.grey_levels import LevelledRegion, Levels
from extract.volumes.texture.tally import Tally, Whole, describe_tally, merge_tallies, tally

#: Tags of the IBSI. Short and long runs emphasis 22OV, W4KF; low and high grey level run emphasis V3SW, G3QZ;
#: short run low and high HTZT, GD3A; long run low and high IVPO, 3KUM; grey level non-uniformity R5YN,
#: normalised OVBL; run length non-uniformity W92Y, normalised IC23; run percentage 9ZK5; grey level variance
#: 8CE5; run length variance SXLW; run entropy HJ9O.
RUN_LENGTHS = (
    "rlm_sre",
    "rlm_lre",
    "rlm_lgre",
    "rlm_hgre",
    "rlm_srlge",
    "rlm_srhge",
    "rlm_lrlge",
    "rlm_lrhge",
    "rlm_glnu",
    "rlm_glnu_norm",
    "rlm_rlnu",
    "rlm_rlnu_norm",
    "rlm_r_perc",
    "rlm_gl_var",
    "rlm_rl_var",
    "rlm_rl_entr",
)


def count_runs(region: LevelledRegion) -> list[Tally]:
    """Return the runs of each direction."""
    return [tally(*_runs(region.flat, step), len(region.levels)) for step in region.steps]


def run_lengths(region: LevelledRegion) -> dict[str, Float[np.ndarray[Any, Any], " 16"]]:
    """Return the values named in `RUN_LENGTHS` averaged over directions (`3D_avg`) and merged (`3D_comb`)."""
    tallies = count_runs(region)
    return {
        "3D_avg": np.mean([describe_tally(one) for one in tallies], axis=0),
        "3D_comb": describe_tally(merge_tallies(tallies)),
    }


def _runs(flat: Levels, step: int) -> tuple[Whole, Whole]:
    """Return level and length of every run along one direction.

    Elements `step` apart are laid beside each other. The region's border is 0, so a run ends before its line
    leaves the box, and the first `step` elements of the array are border too: lines do not touch.
    """
    rows = -(-len(flat) // step)
    lines = np.zeros(rows * step, dtype=flat.dtype)
    lines[: len(flat)] = flat
    lines = lines.reshape(rows, step).T.ravel()
    starts = np.concatenate([[0], np.flatnonzero(np.diff(lines)) + 1])
    level, length = lines[starts], np.diff(starts, append=len(lines))
    return level[level > 0], length[level > 0]
