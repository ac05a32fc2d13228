"""MIRP's own values of all 159, as a program: run by a Python in which MIRP 2.7.0 is installed.

    python tests/extract/volumes/texture/mirp_oracle.py IN.npz OUT.json

IN.npz: `voxels` and `mask` (x, y, z), and either `width` or `count` of the bins. OUT.json: tag -> value, by
the IBSI's tags. MIRP needs itk to read files; for arrays an empty module does, so that `--no-deps` and numpy,
pandas, scipy, scikit-image, pydicom, PyWavelets and matplotlib are enough.
"""

from __future__ import annotations

import json
import re
import sys
import types
from pathlib import Path

import numpy as np


def main(given: str, out: str) -> None:
    sys.modules.setdefault("itk", types.ModuleType("itk"))
    from mirp import extract_features

    with np.load(given) as held:
        arrays = dict(held)
    inside = arrays["voxels"][arrays["mask"]]
    if "count" in arrays:
        bins = {
            "base_discretisation_method": "fixed_bin_number",
            "base_discretisation_n_bins": int(arrays["count"]),
        }
    else:  # the first bin begins at the lower bound, which has to be given
        bins = {
            "base_discretisation_method": "fixed_bin_size",
            "base_discretisation_bin_width": float(arrays["width"]),
            "resegmentation_intensity_range": [float(inside.min()), float("nan")],
        }
    (table,) = extract_features(
        image=arrays["voxels"].T.astype(float),
        mask=arrays["mask"].T.astype(int),
        by_slice=False,
        base_feature_families=["ih", "cm", "rlm", "szm", "dzm", "ngtdm", "ngldm"],
        glcm_spatial_method=["3d_average", "3d_volume_merge"],
        glrlm_spatial_method=["3d_average", "3d_volume_merge"],
        ngldm_difference_level=0.0,
        **bins,
    )
    families = ("ih_", "cm_", "rlm_", "szm_", "dzm_", "ngt_", "ngl_")
    found = {tag_of(name): float(value) for name, value in table.iloc[0].items() if name.startswith(families)}
    Path(out).write_text(json.dumps(found, indent=1), encoding="utf-8")


def tag_of(name: str) -> str:
    """Return the IBSI's tag of a column: without bins and distance, forms as the IBSI writes them."""
    tag = re.sub(r"_fb[ns]_[nw][\d.]+$", "", name)
    tag = re.sub(r"_(d1|a0\.0|a0)(?=_|$)", "", tag)
    return tag.replace("_3d_v_mrg", "_3D_comb").replace("_3d_avg", "_3D_avg").replace("_3d", "_3D")


if __name__ == "__main__":
    main(*sys.argv[1:])
