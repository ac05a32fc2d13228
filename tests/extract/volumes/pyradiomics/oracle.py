"""PyRadiomics' own 107 values, as a program: run by a Python in which PyRadiomics 3.0.1 is installed.

    python tests/extract/volumes/pyradiomics/oracle.py IN.npz OUT.json

IN.npz: `voxels` and `mask` (x, y, z), `spacing` (x, y, z) in mm, and either `width` or `count` of the bins.
OUT.json: {"features": name -> value, "cpu_s": least of three extractions, "version": ...}.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path

import numpy as np


def main(given: str, out: str) -> None:
    import radiomics
    import SimpleITK as sitk  # noqa: N813 - its usual name
    from radiomics.featureextractor import RadiomicsFeatureExtractor

    logging.getLogger("radiomics").setLevel(logging.ERROR)
    with np.load(given) as held:
        arrays = dict(held)
    image = sitk.GetImageFromArray(arrays["voxels"].T)
    mask = sitk.GetImageFromArray(arrays["mask"].T.astype(np.uint8))
    for one in (image, mask):
        one.SetSpacing([float(step) for step in arrays["spacing"]])
    bins = {"binWidth": float(arrays["width"])} if "width" in arrays else {"binCount": int(arrays["count"])}
    extractor = RadiomicsFeatureExtractor(**bins)
    extractor.enableAllFeatures()
    times = []
    for _ in range(3):
        started = time.process_time()
        found = extractor.execute(image, mask)
        times.append(time.process_time() - started)
    features = {name: float(value) for name, value in found.items() if name.startswith("original_")}
    told = {"features": features, "cpu_s": min(times), "version": radiomics.__version__}
    Path(out).write_text(json.dumps(told, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
