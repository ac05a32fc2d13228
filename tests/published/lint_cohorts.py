"""Eight cohorts that leak and the honest ones that they were made from, as a user would have them.

Enters: a work folder, and how `python -m ...` is called. Leaves: manifests and caches for `fuse check`.
Two cohorts: the 299 heart-failure patients (public table), and a download in the layout of CHIMERA with small
slides and MRI. One thing is wrong with each leaky one, of the kind that somebody does by accident.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import yaml

from extract.synthetic.clinical_chimera import clinical_json, draw_clinical
from feature_cache.entry import EntryDraft, EntryKey
from feature_cache.recipe import ResolvedRecipe
from feature_cache.store import FeatureCache
from fuse.inspection.leaks import Leak
from tests.extract.chimera_tree import write_mask, write_mha, write_record
from tests.published.shared_tables import SHARED

HEART = SHARED / "heart_failure_299/heart_failure_clinical_records_dataset.csv"
CASES = 32
#: Enough to be compared with each other (`near_items.FEWEST_ITEMS`); the others have values alone.
PICTURED = 22
SLIDE_PX = 768
#: Calls `python -m` with some words; what it said is not asked for, a failure stops.
Braid = Callable[..., None]


@dataclass(frozen=True, kw_only=True)
class Made:
    """A cohort with its cache, and what `fuse check` is told beside them."""

    cohort: Path
    cache: Path
    protocol: str = "quick"


@dataclass(frozen=True, kw_only=True)
class Leaky:
    """One of the eight: what was done, the name it must be caught by, how it is made from the honest one."""

    title: str
    leak: Leak
    origin: str
    spoil: Callable[[Made, Path, Braid], Made]


# ---- the honest ones -----------------------------------------------------------------------------------


def heart_failure(work: Path, braid: Braid) -> Made:
    """Write and extract the 299 patients without their follow-up among the features."""
    rows = _patients()
    features = [name for name in rows[0] if name not in ("time", "DEATH_EVENT")]
    made = Made(cohort=work / "heart", cache=work / "heart-cache")
    made.cohort.mkdir(parents=True)
    card = {
        "schema_version": 1,
        "name": "heart",
        "title": "299 patients with heart failure",
        "citation": "Ahmad et al. 2017, PLoS ONE 12, e0181001",
        "licence": "CC BY 4.0",
        "sites": [],
        "modalities": ["clinical"],
        "index_event": "first visit",
        "prediction_day": 0,
        "variables": {name: {"kind": "numeric", "unit": "1"} for name in features},
        "excluded": {"time": "the time of follow-up"},
        "endpoints": {
            "death": {
                "kind": "survival",
                "definition": "death of any cause",
                "time_unit": "days",
                "horizon_days": 180.0,
            }
        },
    }
    _write_card(made.cohort, card)
    ids = [f"p{number:03d}" for number in range(len(rows))]
    _write(made.cohort / "cases.csv", [{"case_id": case, "site": ""} for case in ids])
    values = [{"case_id": case, **{n: row[n] for n in features}} for case, row in zip(ids, rows, strict=True)]
    _write(made.cohort / "clinical.csv", values)
    outcomes = [_outcome(case, "death", row) for case, row in zip(ids, rows, strict=True)]
    _write(made.cohort / "outcomes.csv", outcomes)
    _extract(made, made.cohort, braid)
    return made


def chimera(work: Path, braid: Braid) -> Made:
    """Write a small download in the layout of CHIMERA, scan and extract it."""
    raw, rng = work / "raw", np.random.default_rng(5)
    for number in range(CASES):
        case = f"{1000 + number}"
        clinical = draw_clinical(rng)
        months = rng.exponential(70 * np.exp(-clinical.reading.z))
        end = rng.uniform(10, 90)
        record = clinical_json(clinical, bool(months < end), round(float(min(months, end)) + 0.1, 1), rng)
        write_record(raw, case, record)
        if number >= PICTURED:
            continue
        path = raw / "pathology/images" / case / f"{case}_1.tif"
        write_stained(path, rng)
        write_mask(path.with_name(f"{case}_1_tissue.tif"), size_px=(96, 96), mpp=4.0)
        for what in ("t2w", "mask", "adc", "hbv"):
            write_mha(raw / "radiology/images" / case / f"{case}_0001_{what}.mha", (8, 8, 4))
            _fill(raw / "radiology/images" / case / f"{case}_0001_{what}.mha", what, rng)
    braid("extract", "scan", "chimera", raw, "--cohort", "chimera", "--manifests", work)
    made = Made(cohort=work / "chimera", cache=work / "chimera-cache")
    _extract(made, raw, braid)
    return made


def write_stained(path: Path, rng: np.random.Generator, quality: int = 90) -> None:
    """Write a slide of blobs in two stains that no other case has."""
    from scipy.ndimage import gaussian_filter

    path.parent.mkdir(parents=True, exist_ok=True)
    noise = rng.standard_normal(size=(2, SLIDE_PX, SLIDE_PX), dtype=np.float32)
    fields = [gaussian_filter(one, rng.uniform(2, 9)) for one in noise]
    stains = (np.array([[90, 60, 140], [200, 110, 160]]) + rng.normal(size=(2, 3)) * 12).astype(np.float32)
    shares = [1 / (1 + np.exp(-4 * field / field.std())) for field in fields]
    pixels = 240 - sum(
        share[..., None] * (240 - stain) * 0.6 for share, stain in zip(shares, stains, strict=True)
    )
    write_pixels(path, np.clip(pixels, 0, 255).astype(np.uint8), quality)


def write_pixels(path: Path, pixels: np.ndarray, quality: int) -> None:
    """Write pixels as a tiled JPEG slide of .5 um."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(
        path,
        pixels,
        tile=(256, 256),
        photometric="rgb",
        compression="jpeg",
        compressionargs={"level": quality},
        metadata=None,
        resolution=(1e4 / 0.5, 1e4 / 0.5),
        resolutionunit="CENTIMETER",
    )


# ---- the eight -----------------------------------------------------------------------------------------


def psa_at_recurrence(made: Made, work: Path, braid: Braid) -> Made:
    """Take BCR_PSA for a feature, which the download has for cases that recurred alone."""
    return _with_column(made, work, braid, "BCR_PSA", _records(made, "BCR_PSA"))


def psa_after(made: Made, work: Path, braid: Braid) -> Made:
    """Take the PSA half a year after the operation for one that was known at the operation."""
    rng = np.random.default_rng(8)
    event = {row["case_id"]: row["event"] in ("1", "1.0") for row in _read_rows(made.cohort / "outcomes.csv")}
    values = {case: f"{np.exp(rng.normal() * 0.8 - 3 + 0.8 * had):.3f}" for case, had in event.items()}
    return _with_column(made, work, braid, "PSA_6_months", values)


def follow_up(made: Made, work: Path, braid: Braid) -> Made:
    """Take the table as it comes: `time` among the features, in months and called otherwise."""
    rows = _patients()
    values = {f"p{number:03d}": f"{float(row['time']) / 30.4:.1f}" for number, row in enumerate(rows)}
    return _with_column(made, work, braid, "observation_months", values)


def split_case(made: Made, work: Path, braid: Braid) -> Made:
    """Give folds in which one case is trained and tested on."""
    spoilt = _copy(made, work)
    ids = [row["case_id"] for row in _read_rows(made.cohort / "cases.csv")]
    rows = [
        {"repeat": "1", "fold": str(fold), "case_id": case, "part": "test" if n % 2 == fold else "train"}
        for fold in (0, 1)
        for n, case in enumerate(ids)
    ]
    _write(spoilt.cohort / "folds.csv", [*rows, {**rows[1], "part": "test"}])
    return spoilt


def slide_twice(made: Made, work: Path, braid: Braid) -> Made:
    """Scan one patient's slide again under another id: saved anew, so that no byte is the same."""
    spoilt = _copy(made, work)
    raw = work / "raw"
    shutil.copytree(made.cohort.parent / "raw", raw)
    first, second = (raw / "pathology/images" / case / f"{case}_1.tif" for case in ("1003", "1017"))
    write_pixels(second, tifffile.imread(first), quality=80)
    _extract(spoilt, raw, braid)
    return spoilt


def late_mri(made: Made, work: Path, braid: Braid) -> Made:
    """Learn afterwards on which days the MRI were made: two of them during follow-up."""
    spoilt = _copy(made, work)
    rows = _read_rows(spoilt.cohort / "series.csv")
    for row in rows:
        row["day"] = "380" if row["case_id"] in ("1004", "1020") else "-30"
    _write(spoilt.cohort / "series.csv", rows)
    return spoilt


def segmented_by_itself(made: Made, work: Path, braid: Braid) -> Made:
    """Take MRI features by a segmenter that was trained on the masks of half of these very cases."""
    spoilt = _copy(made, work)
    cache = FeatureCache.open(spoilt.cache)
    records = list(cache.records("chimera", "volumes"))
    trained = [record.case_id for record in records[::2]]
    for record in records:
        recipe = ResolvedRecipe(
            name="segmented", modality="volumes", settings={**record.settings, "masks": "own segmenter"}
        )
        key = EntryKey.of("chimera", recipe, record.case_id, record.item_id)
        used = {**record.used, "segmenter": {"name": "unet", "training_case_ids": trained}}
        cache.commit(
            EntryDraft(
                key=key,
                kind=record.kind,
                sources=record.sources,
                arrays=cache.arrays(record),
                settings=recipe.settings,
                attrs=record.attrs,
                used=used,
            )
        )
    shutil.rmtree(next((spoilt.cache / "chimera/volumes").glob("weightfree-*")))
    return spoilt


def labels_repeated(made: Made, work: Path, braid: Braid) -> Made:
    """Fill two endpoints from one column and learn both at once."""
    spoilt = _copy(made, work)
    card = yaml.safe_load((spoilt.cohort / "cohort.yaml").read_text(encoding="utf-8"))
    card["endpoints"]["readmission"] = {**card["endpoints"]["death"], "definition": "first readmission"}
    _write_card(spoilt.cohort, card)
    rows = _read_rows(spoilt.cohort / "outcomes.csv")
    _write(spoilt.cohort / "outcomes.csv", [*rows, *({**row, "endpoint": "readmission"} for row in rows)])
    protocol = work / "both.yaml"
    told = yaml.safe_load(Path("fuse/protocols/quick.yaml").read_text(encoding="utf-8"))
    protocol.write_text(yaml.safe_dump({**told, "also": ["readmission"]}), encoding="utf-8")
    return replace(spoilt, protocol=str(protocol))


EIGHT = (
    Leaky(title="BCR_PSA as a feature", leak="outcome-as-feature", origin="chimera", spoil=psa_at_recurrence),
    Leaky(title="follow-up time as a feature", leak="follow-up-as-feature", origin="heart", spoil=follow_up),
    Leaky(title="a case in two parts", leak="case-in-two-parts", origin="heart", spoil=split_case),
    Leaky(title="a slide under two ids", leak="duplicate-case", origin="chimera", spoil=slide_twice),
    Leaky(title="PSA after the operation", leak="post-operative-psa", origin="chimera", spoil=psa_after),
    Leaky(title="MRI after the day", leak="mri-after-prediction-day", origin="chimera", spoil=late_mri),
    Leaky(
        title="segmenter trained on test cases",
        leak="segmenter-saw-test-case",
        origin="chimera",
        spoil=segmented_by_itself,
    ),
    Leaky(
        title="labels repeated as a vector",
        leak="identical-label-vectors",
        origin="heart",
        spoil=labels_repeated,
    ),
)
HONEST: dict[str, Callable[[Path, Braid], Made]] = {"heart": heart_failure, "chimera": chimera}


# ---- tables --------------------------------------------------------------------------------------------


def _with_column(made: Made, work: Path, braid: Braid, name: str, values: dict[str, str]) -> Made:
    """Declare a further numeric variable as known at the index event, and extract the values anew."""
    spoilt = _copy(made, work)
    card = yaml.safe_load((spoilt.cohort / "cohort.yaml").read_text(encoding="utf-8"))
    card["variables"][name] = {"kind": "numeric", "unit": "1"}
    card["excluded"] = {key: why for key, why in card["excluded"].items() if key != name}
    _write_card(spoilt.cohort, card)
    rows = _read_rows(spoilt.cohort / "clinical.csv")
    _write(spoilt.cohort / "clinical.csv", [{**row, name: values.get(row["case_id"], "")} for row in rows])
    shutil.rmtree(spoilt.cache / spoilt.cohort.name / "clinical")
    recipe = work / "clinical.yaml"
    recipe.write_text("name: weightfree\nclinical:\n  encoder: values\n", encoding="utf-8")
    _extract(spoilt, made.cohort.parent, braid, "--recipe", recipe)
    return spoilt


def _records(made: Made, field: str) -> dict[str, str]:
    folder = made.cohort.parent / "raw/clinical_data"
    records = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")}
    return {case: str(record.get(field, "")) for case, record in records.items()}


def _extract(made: Made, root: Path, braid: Braid, *more: object) -> None:
    braid("extract", "run", made.cohort, "--root", root, "--cache", made.cache, *more)


def _copy(made: Made, work: Path) -> Made:
    work.mkdir(parents=True)
    spoilt = replace(made, cohort=work / made.cohort.name, cache=work / "cache")
    shutil.copytree(made.cohort, spoilt.cohort)
    shutil.copytree(made.cache, spoilt.cache)
    return spoilt


def _outcome(case: str, endpoint: str, row: dict[str, str]) -> dict[str, str]:
    told = {"case_id": case, "endpoint": endpoint, "event": row["DEATH_EVENT"], "time": row["time"]}
    return {**told, "cause": "", "value": ""}


def _fill(path: Path, what: str, rng: np.random.Generator) -> None:
    """Put values into a volume of zeros: a box of a mask, noise of its own scale elsewhere."""
    header, _, _ = path.read_bytes().partition(b"ElementDataFile = LOCAL\n")
    voxels = np.zeros((4, 8, 8), dtype="<i2")
    if what == "mask":
        voxels[1:3, 2:6, 2:6] = 1
    else:
        voxels[:] = rng.normal(loc=rng.uniform(900, 1500), scale=200, size=voxels.shape)
    path.write_bytes(header + b"ElementDataFile = LOCAL\n" + voxels.tobytes())


def _patients() -> list[dict[str, str]]:
    """Return the 299 rows; the file ends in lines of commas."""
    return [row for row in _read_rows(HEART) if row["time"]]


def _read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as stream:
        return list(csv.DictReader(stream))


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, tuple(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _write_card(folder: Path, card: dict[str, Any]) -> None:
    (folder / "cohort.yaml").write_text(yaml.safe_dump(card, sort_keys=False), encoding="utf-8")
