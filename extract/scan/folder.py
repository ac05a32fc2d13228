"""A plain folder: one subfolder a case with whatever is in it, clinical.csv and outcomes.csv beside.

Enters: slides, volumes and texts known by their extensions, DICOM by its first bytes. Leaves: a draft whose
card has a gap wherever only a person can know: day 0, the prediction day, units, what an endpoint means.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

from extract.scan.dicom import DicomScan
from extract.scan.drafting import Draft, files_below
from extract.scan.folder_card import drafted_card, endpoint_names, outcome_columns
from extract.volumes.dicom_image import is_dicom
from feature_cache.errors import Problem, table_error
from feature_cache.tables import (
    MaskRow,
    MeasurementRow,
    NoteRow,
    SeriesRow,
    SlideRow,
    read_rows,
    read_table,
)

_SLIDE = re.compile(
    r"(?P<stem>.+?)(?P<mask>_tissue|_mask)?\.(ome\.tiff?|tiff?|svs|ndpi|mrxs|scn|bif|vms|svslide)",
    re.IGNORECASE,
)
_VOLUME = re.compile(r"(?P<stem>.+?)(?P<mask>_mask|_seg|_gt|_label)?\.(mha|nii\.gz|nii)", re.IGNORECASE)
_NOTE = re.compile(r"(?P<stem>.+)\.txt", re.IGNORECASE)


def draft(root: Path) -> Draft:
    """Read the names in each case's folder and the tables beside the folders."""
    found = Draft(card={})
    unused: Counter[str] = Counter()
    scanned = DicomScan(draft=found, root=root)
    folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    for folder in folders:
        files, dicom = list(files_below(folder)), []
        if files:
            found.further_cases.append(folder.name)
        for path in files:
            if _take(found, folder.name, path, path.relative_to(root)):
                continue
            if is_dicom(path):
                dicom.append(path)
            else:
                unused[path.suffix or path.name] += 1
        if dicom:
            scanned.take(folder.name, dicom)
    scanned.warn()
    _pair_masks(found)
    for suffix, count in sorted(unused.items()):
        found.warn(
            f"{count} files {suffix}", "slides, .mha, .nii.gz, DICOM or .txt", "another kind", "Not used."
        )
    found.card = _read_tables(found, root)
    if folders:
        _compare_ids(found, {folder.name for folder in folders})
    return found


def _take(found: Draft, case_id: str, path: Path, relative: Path) -> bool:
    where = relative.as_posix()
    study = "_".join(relative.parts[1:-1]) or "study"
    if match := _SLIDE.fullmatch(path.name):
        mask = f"{match['stem']}{match['mask'].lower()}" if match["mask"] else None
        slide_id = mask or match["stem"]
        found.slides.append(SlideRow(case_id=case_id, slide_id=slide_id, path=where))
    elif match := _VOLUME.fullmatch(path.name):
        stem = match["stem"].removeprefix(f"{case_id}_")
        if match["mask"]:
            region = f"{stem}{match['mask']}"
            found.masks.append(MaskRow(case_id=case_id, study_id=study, region=region, path=where))
        else:
            found.series.append(
                SeriesRow(case_id=case_id, study_id=study, series_id=stem, sequence=stem, path=where)
            )
    elif match := _NOTE.fullmatch(path.name):
        found.notes.append(NoteRow(case_id=case_id, note_id=match["stem"], path=where))
    else:
        return False
    return True


def _pair_masks(found: Draft) -> None:
    """Turn `<slide>_tissue` and `<slide>_mask` beside `<slide>` into that slide's mask.

    A lone `x_mask.tif` stays a slide of its own: whether it is one is for `check` and a person to say.
    """
    paths = {(slide.case_id, slide.slide_id): slide.path for slide in found.slides}
    paired = []
    for slide in found.slides:
        stem = re.sub(r"_(tissue|mask)$", "", slide.slide_id)
        if stem != slide.slide_id and (slide.case_id, stem) in paths:
            continue
        masks = (paths.get((slide.case_id, f"{slide.slide_id}_{word}")) for word in ("tissue", "mask"))
        paired.append(slide.model_copy(update={"mask_path": next((p for p in masks if p), None)}))
    found.slides = paired


def _compare_ids(found: Draft, folders: set[str]) -> None:
    """Warn of cases that the tables alone have, and name those that are a folder's but for leading zeros."""
    without = sorted(set(found.case_ids) - folders)
    by_number = {folder.lstrip("0"): folder for folder in sorted(folders)}
    remedy = "Ids are texts: mend the id in the table, or the name of the folder."
    for case_id in without:
        if twin := by_number.get(case_id.lstrip("0")):
            found.warn(f"case {case_id}", f"a folder {case_id}", f"a folder {twin}", remedy)
    if without:
        got = f"{len(without)} cases without"
        found.warn("the tables", "a folder for each case", got, "Complete the download, or leave them so.")


def _read_tables(found: Draft, root: Path) -> dict[str, Any]:
    problems: list[Problem] = []
    columns, clinical = read_table(root / "clinical.csv", problems)
    if "case_id" in columns:
        found.clinical, found.clinical_columns = clinical, [c for c in columns if c != "case_id"]
    elif columns:
        problems.append(table_error("clinical.csv: case_id", "this column", "no such column", "Add it."))
    found.measurements = list(read_rows(root / "measurements.csv", MeasurementRow, problems))
    columns, rows = read_table(root / "outcomes.csv", problems)
    renamed, time_unit = outcome_columns(columns, problems)
    found.outcomes = [
        {"endpoint": "outcome", **{to: row[of] for of, to in renamed.items()}} for row in rows if renamed
    ]
    if not columns:
        found.warn("outcomes.csv", "a table of outcomes beside the folders", "none", "Stage 2 will need one.")
    found.warnings.extend(problems)
    present = {
        "slides": bool(found.slides),
        "series": bool(found.series),
        "notes": bool(found.notes),
        "clinical": bool(found.clinical),
    }
    endpoints = endpoint_names(found.outcomes, set(renamed.values()), time_unit)
    return drafted_card(present, found.clinical_columns, found.clinical, endpoints)
