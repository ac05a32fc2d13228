"""Real series over time: 70 points of DCE, ejection fractions of ACDC, end systole found without labels.

Enters: ../shared/data. Leaves: measured rows, all through the volume stage but the last, which asks the
images alone: cines of 12, 20 and 30 frames made of the two real frames of each patient (acdc_cines.py). What
lies between two frames is near to one dimension, which suits a principal component: whole real cines are not
at hand. Central intensity variance, which others take, cannot be judged on them: blended frames are smoother
than the two real ones. `python -m tests.published.over_time` runs it alone (some minutes).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from extract.volumes.time.phases import phases_of_images
from feature_cache.entry import EntryDraft
from tests.extract.volumes.studies import build, cohort_of, mask, series
from tests.measurement import Measured, tabulate
from tests.published.acdc_cines import DATA as ACDC
from tests.published.acdc_cines import GROUPS, Pair, beat, displacement, emptied, pairs, read_image

ROOT = Path(__file__).parents[3] / "shared/data/volumes"
_DCE = "prostatex/ProstateX-0218/ProstateX-0218_dce4d"
#: Ejection fractions by voxel counts, from the README of the data, in the order of `GROUPS`.
FRACTIONS = (0.237, 0.291, 0.676, 0.649, 0.361, 0.331, 0.625, 0.568, 0.555, 0.550)
#: Frames of the cines made, and where their beat begins.
BEATS = ((12, 0), (20, 3), (30, 11))
_NOISE = 0.02


def over_time_rows() -> list[Measured]:
    """Measure all; one row without a value where the data are absent."""
    if not ROOT.is_dir():
        absent = "not measured: ../shared/data is absent"
        return [Measured(name="volumes/over_time", value=None, unit="", bar=None, met=None, input=absent)]
    return [*_contrast_rows(), *_ejection_rows(), *_phase_rows()]


def _measures(draft: EntryDraft) -> dict[str, float]:
    names = draft.attrs["measure_names"]
    assert isinstance(names, list)
    return dict(zip(map(str, names), draft.arrays["measures"].tolist(), strict=True))


def _contrast_rows() -> list[Measured]:
    row = series("dce", f"{_DCE}_crop80.nii.gz", times_path=f"{_DCE}_times.json")
    draft = build(cohort_of([row]), ROOT, {"time": {}})
    told = json.loads((ROOT / f"{_DCE}_times.json").read_text())["trigger_time_s"]
    right = bool((draft.arrays["time_s"] == np.array(told)).all())
    found, source = _measures(draft), "ProstateX-0218, DCE of 80 x 80 x 20 x 70, whole crop"
    return [
        _row(
            "dce_time_points", float(len(draft.arrays["time_s"])), "points", source, "= 70, its times", right
        ),
        _row("dce_onset", found["dce/crop/onset_s"], "s", source),
        _row("dce_initial_area_60s", found["dce/crop/initial_area_60s_s"], "s", source),
    ]


def _ejection_rows() -> list[Measured]:
    found: dict[str, float] = {}
    right = True
    for pair in pairs():
        files = dict(zip(pair.frames, (pair.diastole, pair.systole), strict=True))
        rows = [series("cine", f"acdc/{file.name}", frame=number) for number, file in files.items()]
        masks = [
            mask("heart", f"acdc/{file.name}", "1=RV;2=MYO;3=LV", frame=number)
            for number, file in files.items()
        ]
        draft = build(cohort_of(rows, masks), ROOT, {"time": {}})
        found[pair.patient] = _measures(draft)["cine/lv_cavity/ejection_fraction"]
        right &= draft.attrs["time_named"] == {"cine": {"end_diastole": 0, "end_systole": 1}}
    off = float(np.abs(np.array([*found.values()]) - FRACTIONS).max())
    of = {group: [found[one] for one in GROUPS if GROUPS[one] == group] for group in GROUPS.values()}
    weak, right_heart = of["DCM"] + of["MINF"], of["RV"]
    ordered = max(weak) < min(right_heart) and np.mean(of["NOR"]) <= np.mean(of["HCM"])
    source = "10 patients of ACDC, end diastole and end systole, masks of the data"
    return [
        _row("acdc_ejection_fraction_off", off, "of EF", source, "<= .0005", off <= 5e-4),
        _row(
            "acdc_ejection_order",
            float(ordered),
            "1 = yes",
            source,
            "DCM, MINF < RV; NOR <= HCM",
            bool(ordered),
        ),
        _row("acdc_phases_by_volume", float(right), "1 = all right", source, "= 1", right),
    ]


def _phase_rows() -> list[Measured]:
    apart: dict[str, list[int]] = {name: [] for name in ("end_diastole", "end_systole")}
    for pair in pairs():
        for name, frames in _errors(pair).items():
            apart[name] += frames
    cines = f"{len(pairs()) * len(BEATS)} cines of {', '.join(str(frames) for frames, _ in BEATS)} frames"
    source = f"{cines} between the two real frames of 10 patients of ACDC ({ACDC.name}), no label read"

    rows = []
    for name, off in apart.items():
        within = float(np.mean(np.array(off) <= 1))
        rows.append(_row(f"{name}_of_images", within, "within a frame", source, "= 1", within == 1))
    return rows


def _errors(pair: Pair) -> dict[str, list[int]]:
    """Return by how many frames each is off, over all beats of a patient."""
    field = displacement(read_image(pair.diastole), read_image(pair.systole))
    off: dict[str, list[int]] = {"end_diastole": [], "end_systole": []}
    for frames, start in BEATS:
        voxels, course = beat(pair, frames, start, _NOISE, field), emptied(frames, start)
        found = phases_of_images(voxels)
        assert found is not None
        for name, told, true in (
            ("end_diastole", found.end_diastole, int(course.argmin())),
            ("end_systole", found.end_systole, int(course.argmax())),
        ):
            off[name].append(min((told - true) % frames, (true - told) % frames))
    return off


def _row(
    name: str, value: float, unit: str, source: str, bar: str | None = None, met: bool | None = None
) -> Measured:
    return Measured(name=f"volumes/{name}", value=value, unit=unit, bar=bar, met=met, input=source)


if __name__ == "__main__":
    sys.exit(tabulate(over_time_rows()))
