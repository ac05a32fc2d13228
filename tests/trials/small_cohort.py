"""A cohort of real files that is extracted in a second or two: few tiles, short notes, small volumes.

Enters: a folder, a number of cases, a seed. Leaves: raw files, and a manifest that names them. Every case
has a slide with a tissue mask, a note, clinical values, and an MRI study of three series and a mask.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from extract.synthetic.mha import Grid, write_mha

SLIDE_PX, MPP, MASK_STEP = 512, 0.5, 8
SEQUENCES = {"t2w": ((24, 24, 8), 1.0), "adc": ((12, 12, 8), 2.0), "hbv": ((12, 12, 8), 2.0)}
DEPTH_MM = 3.0
WORDS = ("PSA", "nodule", "left", "right", "apex", "base", "biopsy", "grade", "margin", "capsule", "benign")
CARD = {
    "schema_version": 1,
    "name": "small",
    "title": "A small cohort that was made up",
    "citation": "none",
    "licence": "CC0",
    "sites": ["A", "B"],
    "modalities": ["slides", "volumes", "notes", "clinical", "omics"],
    "index_event": "operation",
    "prediction_day": 0,
    "undated": {"slides": 0, "series": 0, "notes": 0},
    "variables": {
        "psa": {"kind": "numeric", "unit": "ng/mL", "scale": "log", "limits": [0, 10000]},
        "age": {"kind": "numeric", "unit": "a", "limits": [18, 110]},
    },
    "endpoints": {
        "bcr": {
            "kind": "survival",
            "definition": "recurrence",
            "time_unit": "months",
            "horizon_days": 1000.0,
        }
    },
}
COLUMNS = {
    "cases": "case_id,site",
    "slides": "case_id,slide_id,path,mask_path,mpp",
    "series": "case_id,study_id,series_id,sequence,day,path,spacing_mm",
    "masks": "case_id,study_id,region,path,codebook",
    "notes": "case_id,note_id,path,column,day",
    "clinical": "case_id,psa,age",
    "outcomes": "case_id,endpoint,event,time,cause,value",
}


@dataclass(frozen=True)
class SmallCohort:
    """Where the parts are: raw files and manifest."""

    raw: Path
    manifest: Path

    @classmethod
    def below(cls, folder: Path) -> SmallCohort:
        """Return where it lies in a folder, written there or not yet."""
        return cls(raw=folder / "raw", manifest=folder / "manifest")


def write_small(folder: Path, cases: int, seed: int) -> SmallCohort:
    """Write the cohort below `folder`; the same seed writes the same bytes."""
    cohort = SmallCohort.below(folder)
    cohort.raw.mkdir(parents=True)
    cohort.manifest.mkdir()
    (cohort.manifest / "cohort.yaml").write_text(yaml.safe_dump(CARD), encoding="utf-8")
    tables: dict[str, list[Sequence[object]]] = {name: [] for name in COLUMNS}
    for number in range(cases):
        generator = np.random.default_rng([seed, number])
        add_case(cohort.raw, f"c{number:03d}", tables, generator)
    for name, rows in tables.items():
        write_table(cohort.manifest / f"{name}.csv", COLUMNS[name], rows)
    return cohort


def write_table(path: Path, columns: str, rows: Iterable[Sequence[object]]) -> None:
    """Write one CSV; every cell is quoted, for not every version of csv quotes a lone CR."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow(columns.split(","))
        writer.writerows(rows)


def slide_pixels(generator: np.random.Generator, size_px: int = SLIDE_PX) -> np.ndarray:
    """Return tissue-like pixels: stroma with darker nuclei on it."""
    cells = generator.random((size_px // 8, size_px // 8)) < 0.2
    nuclei = np.kron(cells, np.ones((8, 8), dtype=bool))[..., None]
    stroma, nucleus = np.array([225, 160, 200]), np.array([110, 70, 150])
    noise = generator.integers(-12, 12, (size_px, size_px, 3))
    return np.clip(np.where(nuclei, nucleus, stroma) + noise, 0, 255).astype(np.uint8)


def write_slide(path: Path, pixels: np.ndarray, mpp: float = MPP, **tags: object) -> None:
    """Write a tiled JPEG TIFF with a resolution; `tags` are passed to tifffile."""
    import tifffile

    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(
        path,
        pixels,
        tile=(256, 256),
        photometric="rgb",
        compression="jpeg",
        resolution=(1e4 / mpp, 1e4 / mpp),
        resolutionunit="CENTIMETER",
        **{"metadata": None, "software": False, **tags},
    )


def write_mask(path: Path, mpp: float = MPP * MASK_STEP, **tags: object) -> None:
    """Write a tissue mask of ones over the field of a slide; `tags` are passed to tifffile."""
    import tifffile

    pixels = np.ones((SLIDE_PX // MASK_STEP, SLIDE_PX // MASK_STEP), dtype=np.uint8)
    options = {"resolution": (1e4 / mpp,) * 2, "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(path, pixels, **{**options, "metadata": None, "software": False, **tags})


def write_study(folder: Path, generator: np.random.Generator) -> dict[str, Path]:
    """Write three series and a mask of one study; return sequence (or `prostate`) -> file."""
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for sequence, (size, spacing) in SEQUENCES.items():
        grid = Grid(
            size=size,
            spacing_mm=(spacing, spacing, DEPTH_MM),
            origin_lps_mm=np.zeros(3),
            direction=np.eye(3),
        )
        # an ADC map is in 1e-6 mm2/s, and is refused where that cannot be true
        voxels = generator.integers(900, 1500, size=size[::-1]).astype(np.int16)
        written[sequence] = folder / f"{sequence}.mha"
        write_mha(written[sequence], voxels, grid)
        if sequence == "t2w":
            mask = np.zeros(size[::-1], dtype=np.uint8)
            mask[2:6, 6:18, 6:18] = 1
            written["prostate"] = folder / "mask.mha"
            write_mha(written["prostate"], mask, grid)
    return written


def add_case(
    raw: Path, case: str, tables: dict[str, list[Sequence[object]]], generator: np.random.Generator
) -> None:
    """Write the files of one case below `raw` and add its rows to the tables."""
    slide, mask, note = (raw / f"{case}{end}" for end in (".tif", "_tissue.tif", ".txt"))
    write_slide(slide, slide_pixels(generator))
    write_mask(mask)
    note.write_text(" ".join(generator.choice(WORDS, size=60)), encoding="utf-8")
    study = write_study(raw / case, generator)
    tables["cases"].append((case, generator.choice(["A", "B"])))
    tables["slides"].append((case, f"{case}_1", slide.name, mask.name, ""))
    for sequence in SEQUENCES:
        path = study[sequence].relative_to(raw).as_posix()
        tables["series"].append((case, "s1", sequence, sequence, "", path, ""))
    tables["masks"].append(
        (case, "s1", "prostate", study["prostate"].relative_to(raw).as_posix(), "1=prostate")
    )
    tables["notes"].append((case, f"{case}_n", note.name, "", ""))
    tables["clinical"].append(
        (case, round(float(generator.lognormal(2)), 1), int(generator.integers(50, 80)))
    )
    tables["outcomes"].append(
        (case, "bcr", int(generator.integers(2)), int(generator.integers(1, 90)), "", "")
    )
