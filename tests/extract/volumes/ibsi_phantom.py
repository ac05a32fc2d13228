"""The digital phantom of the IBSI and its reference values for what Braid measures.

The values and tolerances are those printed in the IBSI's reference manual (ibsi.readthedocs.io, "Image
features", rows "dig. phantom"); they were read there one by one. Statistics have no tolerance there: three
significant digits are given. The voxels were compared with the IBSI's DICOM file (theibsi/data_sets) as the
tests of PolusAI/nyxus spell it out: the same but for the order and direction of the axes, on which no measure
here depends.
"""

from __future__ import annotations

import numpy as np

#: z = 1 to 4, each four rows (y) of five voxels (x); 0 = outside the region.
_SLICES = (
    "14411 14611 41641 44641",
    "14411 11611 01311 44611",
    "14400 11111 11011 11611",
    "14400 11111 11111 11611",
)
INTENSITY = np.array([[list(map(int, row)) for row in rows.split()] for rows in _SLICES]).transpose(2, 1, 0)
REGION = INTENSITY > 0
AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])

STATISTICS = {
    "stat_mean": 2.15,
    "stat_var": 3.05,
    "stat_skew": 1.08,
    "stat_kurt": -0.355,
    "stat_median": 1.0,
    "stat_min": 1.0,
    "stat_p10": 1.0,
    "stat_p90": 4.0,
    "stat_max": 6.0,
    "stat_iqr": 3.0,
    "stat_range": 5.0,
    "stat_mad": 1.55,
    "stat_rmad": 1.11,
    "stat_medad": 1.15,
    "stat_cov": 0.812,
    "stat_qcod": 0.6,
    "stat_energy": 567.0,
    "stat_rms": 2.77,
}

#: Value and tolerance.
MORPHOLOGY = {
    "morph_volume": (556, 4),
    "morph_vol_approx": (592, 4),
    "morph_area_mesh": (388, 3),
    "morph_av": (0.698, 0.004),
    "morph_comp_1": (0.0411, 0.0003),
    "morph_comp_2": (0.599, 0.004),
    "morph_sph_dispr": (1.19, 0.01),
    "morph_sphericity": (0.843, 0.005),
    "morph_asphericity": (0.186, 0.001),
    "morph_diam": (13.1, 0.1),
    "morph_pca_maj_axis": (11.4, 0.1),
    "morph_pca_min_axis": (9.31, 0.06),
    "morph_pca_least_axis": (8.54, 0.05),
    "morph_pca_elongation": (0.816, 0.005),
    "morph_pca_flatness": (0.749, 0.005),
}


def print_row(tag: str, reference: float, measured: float) -> None:
    """Print one row of the table of the IBSI's phantom; pytest shows it with `-s`."""
    print(f"\n{tag:<28}IBSI {reference:<10.3g}Braid {measured:.6g}", end="")
