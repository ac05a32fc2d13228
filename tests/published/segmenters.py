"""Segmenters fitted to real hearts: DAE-Former beside MONAI's UNet on ACDC, and M-PRTM's late enhancement.

Enters: the copies of ten ACDC patients (end-diastole and end-systole, no spacing) and one series of M-PRTM,
beside the checkout. Leaves: Dice, HD95 and volume error of each structure out of fold, ejection fractions
from out-of-fold masks, parameters and CPU seconds, both networks with the same folds, epochs and windows; and
whether a network can learn one late enhancement series by heart, segments it, and gives no millilitres.
`python -m tests.published.segmenters` runs it alone (about twelve minutes of CPU, two processes).
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extract.segment.fit import FitRequest, fit_segmenter
from extract.segment.segmenting import SegmentRequest, segment_cohort
from extract.segment.settings import FitSettings
from extract.segment.sources import open_source
from feature_cache.cohort import read_cohort
from tests.judging import one_thread_each
from tests.measurement import ROOT, Measured, tabulate
from tests.published.shared_tables import absent

VOLUMES = ROOT.parent / "shared/data/volumes"
STRUCTURES = ("RV", "MYO", "LV")
#: Columns of summary.csv and their units.
SCORES = {"dice": "Dice", "hd95_voxels": "voxels", "volume_error_relative": "of the drawn"}
#: Widths about as costly as each other on a CPU; DAE-Former as published has 48 million parameters.
WIDTHS: dict[str, dict[str, Any]] = {
    "daeformer": {"widths": [16, 32, 64], "blocks": 1},
    "unet": {"widths": [16, 32, 64, 128], "blocks": 1},
}
SETTINGS: dict[str, Any] = {"folds": 2, "epochs": 60, "batch": 4, "patience": None, "side_px": 128}
BY_HEART: dict[str, Any] = {
    "folds": 1, "epochs": 350, "batch": 2, "patience": None, "augment": False, "learning_rate": 3e-3,
    "side_px": 256, "network": WIDTHS["unet"],
}  # fmt: skip
CARD = """schema_version: 1
name: {name}
title: {name}
citation: see shared/data/README.md
licence: see shared/data/README.md
sites: []
modalities: [volumes]
index_event: scan
prediction_day: 0
undated: {{series: 0}}
"""


@dataclass(frozen=True, kw_only=True)
class FittedHearts:
    """What one network made of ACDC: rows of summary.csv, its size, its cost, EF by case."""

    network: str
    summary: dict[tuple[str, str], dict[str, str]]
    parameters: int
    cpu_s: float
    ejection: dict[str, float | None]


def segmenter_rows(folder: Path = VOLUMES) -> list[Measured]:
    """Measure both; one row says what is missing where the files are not there."""
    if not folder.is_dir():
        return absent("volumes/segmenters", "Dice", folder)
    with tempfile.TemporaryDirectory(prefix="braid-segmenters-") as work:
        return measure(folder, Path(work))


def measure(folder: Path, work: Path) -> list[Measured]:
    """Fit and judge in `work`, which is kept by whoever made it."""
    with one_thread_each(2) as pool:
        by_heart = pool.submit(late_enhancement_rows, folder / "mprtm_lge", work / "lge")
        hearts = [pool.submit(fit_hearts, name, folder / "acdc", work / name) for name in WIDTHS]
        rows = [row for one in hearts for row in heart_rows(one.result(), folder / "acdc")]
        return rows + by_heart.result()


def fit_hearts(network: str, folder: Path, work: Path) -> FittedHearts:
    """Fit one network to ACDC, segment every frame out of fold, and read what was written."""
    cohort = read_cohort(write_hearts(folder, work / "acdc"))
    settings = FitSettings.model_validate({**SETTINGS, "network": WIDTHS[network]})
    out = work / "segmenter"
    request = FitRequest(
        cohort=cohort, root=folder, network=network, target="heart", out=out, settings=settings
    )
    record = fit_segmenter(request)
    masks = work / "masks"
    segment_cohort(
        SegmentRequest(
            source=open_source(str(out), None), cohort=cohort, root=folder, out=masks, region="heart"
        )
    )
    log = [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    return FittedHearts(
        network=network,
        summary={(row["structure"], row["score"]): row for row in _rows(out / "summary.csv")},
        parameters=record.network.parameters,
        cpu_s=sum(line["cpu_s"] for line in log),
        ejection=ejection_fractions(_rows(masks / "burden.csv"), "voxels"),
    )


def heart_rows(found: FittedHearts, folder: Path) -> list[Measured]:
    """Return the rows of one network."""
    cases = len({path.name.split("_")[0] for path in folder.glob("*.h5")})
    source = (
        f"{cases} ACDC patients, ED and ES; {SETTINGS['folds']} folds of whole patients, "
        f"{SETTINGS['epochs']} epochs, {found.parameters:,} parameters"
    )

    def row(name: str, value: float | None, unit: str, more: str = "") -> Measured:
        name = f"volumes/segmenter_acdc_{found.network}_{name}"
        return Measured(name=name, value=value, unit=unit, bar=None, met=None, input=f"{more}{source}")

    rows = []
    for structure in STRUCTURES:
        for score, unit in SCORES.items():
            # no row where no case has the structure in both masks: a network may find nothing at all
            one = found.summary.get((structure, score), {"n_cases": "0"})
            interval = f"{float(one['low']):.3f} to {float(one['high']):.3f}, " if one.get("low") else ""
            name = f"{structure.lower()}_{score.removesuffix('_voxels').removesuffix('_relative')}"
            value = float(one["estimate"]) if one.get("estimate") else None
            rows.append(row(name, value, unit, f"{interval}n = {one['n_cases']}; "))
    drawn = drawn_fractions(folder)
    pairs = [(case, found.ejection[case], drawn[case]) for case in sorted(drawn)]
    apart = [abs(ours - theirs) for _, ours, theirs in pairs if ours is not None and theirs is not None]
    told = ", ".join(f"{case[-3:]} {_share(ours)} ({_share(theirs)})" for case, ours, theirs in pairs)
    error = sum(apart) / len(apart) if apart else None
    rows.append(row("ejection_error", error, "mean |EF - drawn|", f"{told}; n = {len(apart)}; "))
    rows.append(row("cpu", found.cpu_s, "s of fitting"))
    return rows


def drawn_fractions(folder: Path) -> dict[str, float | None]:
    """Return EF by case from the drawn masks: voxels of the cavity, papillary muscles as they were drawn."""
    from extract.volumes.header import open_volume
    from extract.volumes.reader import read_labels

    rows = []
    for path in sorted(folder.glob("*.h5")):
        case, frame = path.stem.split("_frame")
        voxels = int((read_labels(open_volume(path, path.name, "label"), path.name) == 3).sum())
        rows.append({"case_id": case, "frame": str(int(frame)), "structure": "LV", "voxels": str(voxels)})
    return ejection_fractions(rows, "voxels")


def ejection_fractions(rows: list[dict[str, str]], column: str) -> dict[str, float | None]:
    """Return 1 - ES / ED of the LV by case, None where end-diastole has none of it.

    Frame 1 is end-diastole, the other end-systole.
    """
    of_case: dict[str, dict[bool, float]] = {}
    for row in rows:
        if row["structure"] == "LV":
            of_case.setdefault(row["case_id"], {})[row["frame"] == "1"] = float(row[column])
    return {case: 1 - found[False] / found[True] if found[True] else None for case, found in of_case.items()}


def _share(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"


def late_enhancement_rows(folder: Path, work: Path) -> list[Measured]:
    """Learn one series by heart, then segment it under another id: its own is refused."""
    image, drawn = "3enhancement_img.nii.gz", "3enhancement_gt.nii.gz"
    taught = write_manifest(
        work / "taught",
        "lge",
        [("seen", "s", "lge", image, "")],
        [("seen", "s", "scar", drawn, "1=scar", "")],
    )
    again = write_manifest(work / "again", "again", [("unseen", "s", "lge", image, "")], [])
    request = FitRequest(
        cohort=read_cohort(taught),
        root=folder,
        network="unet",
        target="scar",
        out=work / "segmenter",
        settings=FitSettings.model_validate(BY_HEART),
    )
    fit_segmenter(request)
    (score,) = _rows(work / "segmenter" / "scores.csv")
    dice = float(score["dice"])
    summaries = [
        segment_cohort(
            SegmentRequest(
                source=open_source(str(work / "segmenter"), None),
                cohort=read_cohort(manifest),
                root=folder,
                out=work / f"masks_{manifest.name}",
                region="scar",
            )
        )
        for manifest in (taught, again)
    ]
    (burden,) = _rows(work / "masks_again" / "burden.csv")
    refused = summaries[0].masks == 0 and len(summaries[0].problems) == 1
    honest = (
        burden["ml"] == "" and summaries[1].without_ml == 1 and burden["voxels"] == score["predicted_voxels"]
    )
    source = (
        f"M-PRTM's late enhancement on itself, UNet of widths {BY_HEART['network']['widths']}, "
        f"{BY_HEART['epochs']} epochs; "
        f"{score['predicted_voxels']} voxels found, {score['drawn_voxels']} drawn"
    )
    return [
        Measured(
            name="volumes/segmenter_lge_by_heart",
            value=dice,
            unit="Dice",
            bar="> .9",
            met=dice > 0.9,
            input=source,
        ),
        Measured(
            name="volumes/segmenter_lge_refuses",
            value=float(refused + honest),
            unit="of 2",
            bar="its own case; millilitres",
            met=refused and honest,
            input=f"{burden['ml_state']}; {float(burden['percent_of_series']):.2f} % of the voxels",
        ),
    ]


def write_hearts(folder: Path, manifest: Path) -> Path:
    """Write the tables of the ACDC copies: two frames of a cine."""
    series, masks = [], []
    for path in sorted(folder.glob("*.h5")):
        case, frame = path.stem.split("_frame")
        series.append((case, "s", "cine", path.name, str(int(frame))))
        masks.append((case, "s", "heart", path.name, "1=RV;2=MYO;3=LV", str(int(frame))))
    return write_manifest(manifest, "acdc", series, masks)


def write_manifest(
    folder: Path, name: str, series: list[tuple[str, ...]], masks: list[tuple[str, ...]]
) -> Path:
    """Write a cohort: series (…, sequence, path, frame), masks (…, region, path, codebook, frame)."""
    folder.mkdir(parents=True)
    tables = {
        "cases": ("case_id,site", [(case, "") for case in sorted({row[0] for row in series})]),
        "series": (
            "case_id,study_id,series_id,sequence,day,path,frame",
            [(*row[:2], row[2] + row[4], row[2], "0", *row[3:]) for row in series],
        ),
        "masks": ("case_id,study_id,region,path,codebook,frame", masks),
    }
    for table, (header, rows) in tables.items():
        lines = [header, *(",".join(row) for row in rows)]
        (folder / f"{table}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "cohort.yaml").write_text(CARD.format(name=name), encoding="utf-8")
    return folder


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


if __name__ == "__main__":
    sys.exit(tabulate(segmenter_rows()))
