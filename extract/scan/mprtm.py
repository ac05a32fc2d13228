"""M-PRTM as it comes: one wide table with notes in a column, late-enhancement volumes beside it.

Enters: a folder with a CSV that has the columns ID and CMR_ID. Leaves: a draft. The case is ID, the
images are named by CMR_ID. Labels go to the outcomes verbatim; an endpoint becomes survival only where the
table has its time, because an event without a time is no survival outcome.
"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

from extract.notes.reader import decode
from extract.scan.drafting import Draft, files_below, shipped_card
from feature_cache.errors import ManifestError
from feature_cache.tables import MaskRow, NoteRow, SeriesRow

KEY, IMAGE_KEY, NOTE = "ID", "CMR_ID", "medical_indicator"

#: endpoint -> column of the event, column of the cause.
LABELS = {
    "death": ("Death", None),
    "cardiovascular_death": ("Cardiovascular Death", "Cause of Cardiovascular Death"),
    "rehospitalization": ("Rehospitalization", None),
    "cardiology_rehospitalization": ("Cardiology Rehospitalization", None),
    "macces": ("MACCES Event", "MACCES Cause"),
}
#: Readmission is asked for at these days after discharge.
HORIZONS_DAYS = [30.0, 90.0, 365.0]
#: Three forms of the same images; of a case the first that is there is taken. Arrays hold image and label.
_FORMS = (
    re.compile(r"(?P<image>\d+)enhancement_(?P<what>img|gt|pred)\.nii(\.gz)?", re.IGNORECASE),
    re.compile(r"(?P<image>\d+)(enhancement)?\.npy\.h5", re.IGNORECASE),
    re.compile(r"(?P<image>\d+)enhancement_slice(?P<slice>\d+)\.npz", re.IGNORECASE),
)
_REGIONS = {"gt": "scar", "pred": "scar_predicted"}


def draft(root: Path) -> Draft:
    """Read the table and the names of the volumes."""
    files = list(files_below(root))
    path, columns, rows, encoding = _read_table(root, files)
    found = Draft(card=shipped_card("mprtm"), encodings={path.name: encoding})
    if encoding != "utf-8":
        found.warn(path.name, "UTF-8", encoding, "It was decoded as that; the notes are read the same way.")
    times = {endpoint: time for endpoint in LABELS if (time := _time_column(endpoint, columns)) is not None}
    labels = {name for pair in LABELS.values() for name in pair if name is not None} | set(times.values())
    found.clinical_columns = [c for c in columns if c not in labels and c not in (KEY, NOTE)]
    relative = path.relative_to(root).as_posix()
    for row in rows:
        found.clinical.append({"case_id": row[KEY], **{c: row[c] for c in found.clinical_columns}})
        found.outcomes.extend(_outcomes(row, times))
        if row.get(NOTE, "").strip().casefold() not in ("", "nan"):  # missing is the literal nan
            found.notes.append(NoteRow(case_id=row[KEY], note_id=NOTE, path=relative, column=NOTE))
    found.card["endpoints"] = _endpoints(found.card["endpoints"], times)
    _add_volumes(found, root, files, {row[IMAGE_KEY]: row[KEY] for row in rows})
    return found


def _read_table(root: Path, files: list[Path]) -> tuple[Path, list[str], list[dict[str, str]], str]:
    """Return the one table with both keys: its path, header, rows and encoding."""
    tables = []
    for path in (path for path in files if path.suffix.lower() == ".csv"):
        try:
            text, encoding = decode(path.read_bytes())
        except UnicodeDecodeError:
            continue  # not in the encodings of this layout; named below if it was the only table
        lines = csv.reader(io.StringIO(text, newline=""))
        header = next(lines, [])
        if KEY in header and IMAGE_KEY in header:
            rows = [(lines.line_num, fields) for fields in lines if fields]
            tables.append((path, header, rows, encoding))
    if len(tables) != 1:
        raise ManifestError(
            "scan mprtm",
            expected=f"one CSV in UTF-8 or GB18030 with the columns {KEY} and {IMAGE_KEY}",
            got=", ".join(path.relative_to(root).as_posix() for path, *_ in tables) or "none",
            remedy="Keep one in the folder.",
        )
    path, header, rows, encoding = tables[0]
    doubled = sorted({name for name in header if header.count(name) > 1})
    short = [number for number, fields in rows if len(fields) != len(header)]
    if doubled or short:
        raise ManifestError(
            path.name,
            expected=f"{len(header)} columns of different names and as many fields in every row",
            got=f"doubled columns {doubled}, other lines {short[:5]}",
            remedy="Mend the table.",
        )
    return path, header, [dict(zip(header, fields, strict=True)) for _, fields in rows], encoding


def _time_column(endpoint: str, columns: list[str]) -> str | None:
    wanted = {f"{_plain(LABELS[endpoint][0])}_days", f"{endpoint}_days"}
    return next((column for column in columns if _plain(column) in wanted), None)


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def _outcomes(row: dict[str, str], times: dict[str, str]) -> list[dict[str, str]]:
    found = []
    for endpoint, (event, cause) in LABELS.items():
        if event not in row:
            continue
        outcome = {"case_id": row[KEY], "endpoint": endpoint, "event": row[event]}
        if endpoint in times:
            outcome["time"] = row[times[endpoint]]
        if cause is not None:
            outcome["cause"] = row.get(cause, "")
        found.append(outcome)
    return found


def _endpoints(shipped: dict[str, Any], times: dict[str, str]) -> dict[str, Any]:
    """Return the endpoints, those with a time first and as survival: they are what can be evaluated.

    One that is the first of several events stays where all of these have a time; which came first is found
    by stage 2, where outcomes are opened.
    """
    days = {"kind": "survival", "time_unit": "days", "horizons_days": HORIZONS_DAYS}
    timed = {name: {**shipped[name], **days} for name in times}
    others = {
        name: endpoint
        for name, endpoint in shipped.items()
        if name not in times and times.keys() >= set(endpoint.get("first_of", {}).values())
    }
    return timed | others


def _add_volumes(found: Draft, root: Path, files: list[Path], case_of: dict[str, str]) -> None:
    images: dict[str, dict[int, list[tuple[str, re.Match[str]]]]] = {}
    for path in files:
        for form, pattern in enumerate(_FORMS):
            if match := pattern.fullmatch(path.name):
                where = path.relative_to(root).as_posix()
                images.setdefault(match["image"], {}).setdefault(form, []).append((where, match))
    for image, forms in images.items():
        if image in case_of:
            for where, match in forms[min(forms)]:
                _add_image(found, case_of[image], where, match.groupdict())
    unknown = len(images.keys() - case_of.keys())
    if unknown:
        found.warn(
            f"volumes of {unknown} {IMAGE_KEY}",
            f"a row of the table with this {IMAGE_KEY}",
            "none",
            "They were left out: table and images may be two cohorts.",
        )
    several = sum(len(forms) > 1 for image, forms in images.items() if image in case_of)
    if several:
        remedy = "Volumes were taken before stacks, stacks before slices: the images are the same."
        found.warn(f"volumes of {several} {IMAGE_KEY}", "one form of each image", "several", remedy)


def _add_image(found: Draft, case_id: str, where: str, named: dict[str, str | None]) -> None:
    """Add one file: a series, a mask, or both. A slice kept alone is a study of its own."""
    study = f"slice{named['slice']}" if named.get("slice") else "lge"
    what = (named.get("what") or "").lower()
    if what in ("img", ""):
        found.series.append(
            SeriesRow(case_id=case_id, study_id=study, series_id="lge", sequence="lge", path=where)
        )
    if what != "img":
        region = _REGIONS.get(what, "scar")
        found.masks.append(
            MaskRow(case_id=case_id, study_id=study, region=region, path=where, codebook="1=scar")
        )
