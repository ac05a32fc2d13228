"""LEOPARD as it comes: a table of labels and slides named by case.

Enters: a folder with a CSV that has case_id, event and follow_up_years, and `<case_id>.tif` slides with
masks where there are any. Leaves: a draft. Of several tables the one with most columns is taken: the
demo repeats its labels in a clinical table.
"""

from __future__ import annotations

import re
from pathlib import Path

from extract.scan.drafting import Draft, files_below, shipped_card
from feature_cache.errors import ManifestError, Problem
from feature_cache.tables import SlideRow, read_table

OUTCOME_COLUMNS = {"event": "event", "follow_up_years": "time"}
ENDPOINT = "bcr"
_SLIDE = re.compile(r"(?P<stem>.+?)(?P<mask>_tissue|_mask)?\.tiff?", re.IGNORECASE)
_MASK_FOLDERS = {"mask", "masks", "tissue_masks"}


def draft(root: Path) -> Draft:
    """Read the table of labels and the names of the slides."""
    files = list(files_below(root))
    card = shipped_card("leopard")
    found = Draft(card=card, site=card["sites"][0])
    path, columns, rows = _read_labels(root, files, found)
    further = [column for column in columns if column not in ("case_id", *OUTCOME_COLUMNS)]
    card["variables"] = {name: one for name, one in card["variables"].items() if name in further}
    if not further:
        card["modalities"] = [name for name in card["modalities"] if name != "clinical"]
    found.clinical_columns = further
    found.further_cases = [row["case_id"] for row in rows]
    for row in rows:
        if further:
            found.clinical.append({"case_id": row["case_id"], **{c: row[c] for c in further}})
        outcome = {to: row[of] for of, to in OUTCOME_COLUMNS.items()}
        found.outcomes.append({"case_id": row["case_id"], "endpoint": ENDPOINT, **outcome})
    _add_slides(found, root, files)
    without = sorted(set(found.further_cases) - {slide.case_id for slide in found.slides})
    if without:
        got = f"{len(without)} cases without"
        found.warn(path.name, "a slide <case_id>.tif for each case", got, "Complete the download.")
    return found


def _read_labels(root: Path, files: list[Path], found: Draft) -> tuple[Path, list[str], list[dict[str, str]]]:
    tables = []
    for path in (path for path in files if path.suffix.lower() == ".csv"):
        problems: list[Problem] = []
        columns, rows = read_table(path, problems)
        if {"case_id", *OUTCOME_COLUMNS} <= set(columns):
            tables.append((len(columns), path, columns, rows, problems))
    if not tables:
        raise ManifestError(
            "scan leopard",
            expected="a CSV with case_id, event and follow_up_years",
            got="none",
            remedy="Put training_labels.csv into the folder.",
        )
    tables.sort(key=lambda table: (-table[0], table[1].as_posix()))
    _, path, columns, rows, problems = tables[0]
    found.warnings.extend(problems)
    for _, other, *_ in tables[1:]:
        found.warn(
            other.relative_to(root).as_posix(),
            "one table of labels",
            "a second one",
            f"{path.name} was taken: it has most columns.",
        )
    return path, columns, rows


def _add_slides(found: Draft, root: Path, files: list[Path]) -> None:
    cases = set(found.further_cases)
    masks: dict[str, str] = {}
    unknown = 0
    for path in files:
        match = _SLIDE.fullmatch(path.name)
        if match is None:
            continue
        relative, stem = path.relative_to(root).as_posix(), match["stem"]
        if stem not in cases:
            unknown += 1
        elif match["mask"] or _MASK_FOLDERS & {part.lower() for part in path.relative_to(root).parts[:-1]}:
            masks[stem] = relative
        else:
            found.slides.append(SlideRow(case_id=stem, slide_id=stem, path=relative))
    found.slides = [
        slide.model_copy(update={"mask_path": masks.get(slide.slide_id)}) for slide in found.slides
    ]
    if unknown:
        found.warn(f"{unknown} TIFF files", "a case of the table", "another name", "They were left out.")
