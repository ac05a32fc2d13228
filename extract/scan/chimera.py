"""CHIMERA Task 1 as it comes: slides with tissue masks, MRI series, clinical JSON, notes where there are any.

Enters: the download, a repack of it, or flat folders: files are known by their names, not by their depth.
Leaves: a draft. `<pid>` is a number and stays a text. Of the outcome the three keys are copied verbatim.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from extract.limits import MOST_RECORD_BYTES, refuse_large_file
from extract.scan.drafting import Draft, files_below, shipped_card
from extract.scan.invented import BESIDE
from feature_cache.errors import SourceError
from feature_cache.tables import ABSENT, NULL, MaskRow, NoteRow, SeriesRow, SlideRow

_SLIDE = re.compile(r"(?P<item>(?P<case>\d+)_\d+)(?P<mask>_tissue)?\.tiff?", re.IGNORECASE)
_SERIES = re.compile(r"(?P<case>\d+)_(?P<study>\d+)_(?P<what>t2w|adc|hbv|mask)\.mha", re.IGNORECASE)
_CLINICAL = re.compile(r"(?P<case>\d+)\.json", re.IGNORECASE)
_NOTE = re.compile(r"(?P<item>(?P<case>\d+)(?:_.+)?)\.txt", re.IGNORECASE)
#: Files of the download that no table lists: features of others.
_FEATURES = re.compile(r".+\.(pt|npy)", re.IGNORECASE)
_NOTE_FOLDERS = {"notes", "reports"}

#: JSON key -> column of outcomes.csv.
OUTCOME_KEYS = {"BCR": "event", "time_to_follow-up/BCR": "time", "BCR_PSA": "value"}
ENDPOINT = "bcr"


@dataclass(kw_only=True)
class _Found:
    """What the names say, before masks are paired and studies chosen."""

    masks: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    volumes: dict[str, dict[str, dict[str, list[str]]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(dict))
    )
    records: list[tuple[str, dict[str, str]]] = field(default_factory=list)


def draft(root: Path) -> Draft:
    """Read the names of all files and the clinical JSON of each case."""
    card = shipped_card("chimera")
    found, raw = Draft(card=card, site=card["sites"][0]), _Found()
    unused: Counter[str] = Counter()
    for path in files_below(root):
        relative = path.relative_to(root)
        if not (_take_image(found, raw, relative) or _take_text(found, raw, path, relative)):
            unused[f"*{path.suffix.lower()}" if path.suffix else path.name] += 1
    for what, count in sorted(unused.items()):
        found.warn(
            f"{count} files {what}", "files as CHIMERA has them", "another name or content", "Not used."
        )
    _pair_masks(found, raw.masks)
    for case_id, studies in raw.volumes.items():
        _take_first_study(found, case_id, studies)
    _split_records(found, raw.records)
    return found


def _take_image(found: Draft, raw: _Found, relative: Path) -> bool:
    where = relative.as_posix()
    if match := _SLIDE.fullmatch(relative.name):
        if match["mask"]:
            raw.masks[match["item"]].append(where)
        else:
            found.slides.append(SlideRow(case_id=match["case"], slide_id=match["item"], path=where))
    elif match := _SERIES.fullmatch(relative.name):
        raw.volumes[match["case"]][match["study"]].setdefault(match["what"].lower(), []).append(where)
    else:
        return _FEATURES.fullmatch(relative.name) is not None
    return True


def _take_text(found: Draft, raw: _Found, path: Path, relative: Path) -> bool:
    if match := _CLINICAL.fullmatch(path.name):
        record = _read_record(path, match["case"], found)
        if record is not None:
            if not record.keys() & (set(found.card["variables"]) | OUTCOME_KEYS.keys()):
                return False  # 2024.json may be anything
            raw.records.append((match["case"], record))
    elif (match := _NOTE.fullmatch(path.name)) and _NOTE_FOLDERS & set(relative.parts[:-1]):
        found.notes.append(NoteRow(case_id=match["case"], note_id=match["item"], path=relative.as_posix()))
    elif path.name == "data_split_5fold.csv":
        where, remedy = relative.as_posix(), "Not used: Braid makes its own folds."
        found.warn(where, "no folds", "a split of others", remedy)
    else:
        return path.name in BESIDE
    return True


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
        refuse_large_file(path, f"case {case_id}", MOST_RECORD_BYTES)
        # Numbers stay the digits of the file: 1.0 is not 1 until the card says so.
        document = json.loads(
            path.read_text(encoding="utf-8-sig"), parse_float=str, parse_int=str, parse_constant=str
        )
    except SourceError as error:
        found.fault(error.where, error.expected, error.got, error.remedy)
        return None
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
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
