"""CHIMERA Task 1 as it comes: slides with tissue masks, MRI series, clinical JSON, notes where there are any.

Enters: the download, a repack of it, or flat folders: files are known by their names, not by their depth.
Leaves: a draft. `<pid>` is a number and stays a text. Of the outcome the three keys are copied verbatim.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path

from extract.scan.drafting import Draft, files_below, shipped_card
from feature_cache.tables import ABSENT, NULL, MaskRow, NoteRow, SeriesRow, SlideRow

_SLIDE = re.compile(r"(?P<item>(?P<case>\d+)_\d+)(?P<mask>_tissue)?\.tiff?")
_SERIES = re.compile(r"(?P<case>\d+)_(?P<study>\d+)_(?P<what>t2w|adc|hbv|mask)\.mha")
_CLINICAL = re.compile(r"(?P<case>\d+)\.json")
_NOTE = re.compile(r"(?P<item>(?P<case>\d+)(?:_.+)?)\.txt")
_NOTE_FOLDERS = {"notes", "reports"}

#: JSON key -> column of outcomes.csv.
OUTCOME_KEYS = {"BCR": "event", "time_to_follow-up/BCR": "time", "BCR_PSA": "value"}
ENDPOINT = "bcr"


def draft(root: Path) -> Draft:
    """Read the names of all files and the clinical JSON of each case."""
    card = shipped_card("chimera")
    found = Draft(card=card, site=card["sites"][0])
    masks: dict[str, list[str]] = defaultdict(list)
    volumes: dict[str, dict[str, dict[str, list[str]]]] = defaultdict(lambda: defaultdict(dict))
    records: list[tuple[str, dict[str, str]]] = []
    for path in files_below(root):
        relative = path.relative_to(root).as_posix()
        if match := _SLIDE.fullmatch(path.name):
            if match["mask"]:
                masks[match["item"]].append(relative)
            else:
                found.slides.append(SlideRow(case_id=match["case"], slide_id=match["item"], path=relative))
        elif match := _SERIES.fullmatch(path.name):
            volumes[match["case"]][match["study"]].setdefault(match["what"], []).append(relative)
        elif match := _CLINICAL.fullmatch(path.name):
            record = _read_record(path, match["case"], found)
            if record is not None:
                records.append((match["case"], record))
        elif (match := _NOTE.fullmatch(path.name)) and _NOTE_FOLDERS & set(path.relative_to(root).parts[:-1]):
            found.notes.append(NoteRow(case_id=match["case"], note_id=match["item"], path=relative))
        elif path.name == "data_split_5fold.csv":
            found.warn(relative, "no folds", "a split of others", "Not used: Braid makes its own folds.")
    _pair_masks(found, masks)
    for case_id, studies in volumes.items():
        _take_first_study(found, case_id, studies)
    _split_records(found, records)
    return found


def _pair_masks(found: Draft, masks: dict[str, list[str]]) -> None:
    for index, slide in enumerate(found.slides):
        paths = masks.get(slide.slide_id, [])
        if len(paths) == 1:
            found.slides[index] = slide.model_copy(update={"mask_path": paths[0]})
        else:
            got = f"{len(paths)} masks" if paths else "none"
            where = f"case {slide.case_id}, slide {slide.slide_id}"
            remedy = "Without one in slides.csv the tissue is found in the image."
            found.warn(where, f"one mask {slide.slide_id}_tissue.tif", got, remedy)
    slides = {slide.slide_id for slide in found.slides}
    for item in sorted(set(masks) - slides):
        found.warn(f"mask {item}_tissue.tif", f"a slide {item}.tif", "none", "Complete the download.")


def _take_first_study(found: Draft, case_id: str, studies: dict[str, dict[str, list[str]]]) -> None:
    study, *others = sorted(studies)
    if others:
        expected, got = "one MRI study", f"{1 + len(others)} studies"
        found.warn(f"case {case_id}", expected, got, f"The first, {study}, was taken.")
    for what, paths in sorted(studies[study].items()):
        if len(paths) > 1:
            found.warn(f"case {case_id}, {what}", "one file", f"{len(paths)} of this name", "Keep one.")
        for path in paths:
            if what == "mask":
                found.masks.append(
                    MaskRow(
                        case_id=case_id, study_id=study, region="prostate", path=path, codebook="1=prostate"
                    )
                )
            else:
                found.series.append(
                    SeriesRow(case_id=case_id, study_id=study, series_id=what, sequence=what, path=path)
                )
    if "t2w" not in studies[study]:
        found.warn(
            f"case {case_id}, study {study}", "a t2w series", "none", "The case has no reference grid."
        )


def _read_record(path: Path, case_id: str, found: Draft) -> dict[str, str] | None:
    """Return one clinical JSON as key -> text exactly as written; None where it is no flat object."""
    expected, remedy = "a flat JSON object in UTF-8", "Mend the file, or download it again."
    try:
        # Numbers stay the digits of the file: 1.0 is not 1 until the card says so.
        document = json.loads(
            path.read_text(encoding="utf-8-sig"), parse_float=str, parse_int=str, parse_constant=str
        )
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        found.fault(f"case {case_id}, {path.name}", expected, type(error).__name__, remedy)
        return None
    if isinstance(document, list) and len(document) == 1:
        document = document[0]
    if not isinstance(document, dict) or any(isinstance(v, (dict, list)) for v in document.values()):
        found.fault(f"case {case_id}, {path.name}", expected, "another structure", remedy)
        return None
    return {str(key): _as_text(value) for key, value in document.items()}


def _as_text(value: object) -> str:
    if value is None:
        return NULL
    return str(value).lower() if isinstance(value, bool) else str(value)


def _split_records(found: Draft, records: list[tuple[str, dict[str, str]]]) -> None:
    declared = list(found.card["variables"])
    seen = {key: None for _, record in records for key in record if key not in OUTCOME_KEYS}
    found.clinical_columns = declared + [key for key in seen if key not in declared]
    with_outcome = any(key in record for _, record in records for key in OUTCOME_KEYS)
    for case_id, record in records:
        cells = {column: record.get(column, ABSENT) for column in found.clinical_columns}
        found.clinical.append({"case_id": case_id, **cells})
        if with_outcome:
            outcome = {column: record.get(key, ABSENT) for key, column in OUTCOME_KEYS.items()}
            found.outcomes.append({"case_id": case_id, "endpoint": ENDPOINT, **outcome})
    if not records and found.case_ids:
        found.warn("clinical JSON", "<pid>.json for each case", "none", "Complete the download.")
