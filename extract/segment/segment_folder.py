"""The folder that `segment` writes: masks, the rows of masks.csv for them, who drew them, what failed.

Enters: masks as they come, failures. Leaves: files that a manifest can take over. Paths are relative to the
root of the cohort; where the folder does not lie below it they begin with the folder's own name, as they will
be right once it is copied there. Beside each mask a note says what it was drawn on: a run that was stopped
goes on with what is not there. The tables are written last and whole: half a masks.csv would pass for all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from pydantic import BaseModel, ConfigDict, ValidationError

from extract.segment.begun_folder import begin_folder, write_whole
from extract.segment.burden import COLUMNS as BURDEN_COLUMNS
from extract.segment.burden import StructureBurden
from extract.volumes.mask_origin import MaskOrigin
from extract.volumes.nifti_writer import write_nifti
from feature_cache.canonical import Json, sha256_of_file, sha256_of_json
from feature_cache.csv_lines import csv_line, guarded
from feature_cache.errors import BraidError
from feature_cache.names import encode_name

FAILURE_COLUMNS = ("case_id", "study_id", "frame", "where", "expected", "got", "remedy")
MASK_COLUMNS = ("case_id", "study_id", "region", "path", "codebook", "frame", "segmenter")
_IDENTITY = "segment.json"


@dataclass(frozen=True, kw_only=True)
class StudyName:
    """What a row of series.csv is of; `frame` None where the series has no time."""

    case_id: str
    study_id: str
    frame: int | None

    @property
    def cells(self) -> tuple[str, str, str]:
        """The cells of a table that name it."""
        return self.case_id, self.study_id, "" if self.frame is None else str(self.frame)

    @property
    def file_stem(self) -> str:
        """What its files are called, below a folder for its case."""
        frame = "" if self.frame is None else f"_frame{self.frame}"
        return f"{encode_name(self.case_id)}/{encode_name(self.study_id)}{frame}"


class MaskNote(BaseModel):
    """What is kept beside a mask: hashes of what it was drawn on and of itself, and its rows' cells.

    `drawn_on` is the hash of the series and of what series.csv says of its spacing; `segmenter` the file that
    says who drew it; `burden` has a row a structure.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    drawn_on: str
    mask_sha256: str
    codebook: str
    segmenter: str
    spacing_known: bool
    burden: tuple[tuple[str, ...], ...]


class SegmentFolder:
    """A folder of masks."""

    def __init__(self, out: Path, root: Path, region: str, identity: Mapping[str, Json]) -> None:
        """Make the folder, or go on in one that the same segmenter began for the same cohort.

        Raises
        ------
        RecipeError
            There is something else in it.
        """
        begin_folder(out, _IDENTITY, {**identity, "region": region}, "segmentation")
        self.path, self._region = out, region
        self.below_root = out.resolve().is_relative_to(root.resolve())
        self._prefix = (
            out.resolve().relative_to(root.resolve()).as_posix() if self.below_root else out.resolve().name
        )
        self._notes: list[tuple[StudyName, MaskNote]] = []
        self._failures: list[tuple[str, ...]] = []

    def finished(self, study: StudyName, drawn_on: str) -> MaskNote | None:
        """Return the note of a mask that is there, whole, of this very series; None where it is not."""
        try:
            note = MaskNote.model_validate_json(self._file(study, "json").read_bytes())
        except (FileNotFoundError, ValidationError):
            return None
        mask = self._file(study, "nii.gz")
        same = note.drawn_on == drawn_on and (self.path / note.segmenter).is_file() and mask.is_file()
        return note if same and sha256_of_file(mask) == note.mask_sha256 else None

    def write_mask(
        self,
        study: StudyName,
        labels: UInt8[np.ndarray[Any, Any], "x y z"],
        affine: Float[np.ndarray[Any, Any], "4 4"],
        origin: MaskOrigin,
    ) -> str:
        """Write a mask with the affine of its series' header, and who drew it; return that file's name."""
        target = self._file(study, "nii.gz")
        target.parent.mkdir(exist_ok=True)
        write_nifti(target, labels, affine)
        relative = f"segmenters/{sha256_of_json(origin.as_json())[:12]}.json"
        who = self.path / relative
        if not who.exists():
            who.parent.mkdir(exist_ok=True)
            write_whole(who, origin.model_dump_json(indent=1) + "\n")
        return relative

    def write_note(
        self, study: StudyName, drawn_on: str, codebook: str, who: str, burden: Sequence[StructureBurden]
    ) -> MaskNote:
        """Write the note of a mask, which says that it is there."""
        note = MaskNote(
            drawn_on=drawn_on,
            mask_sha256=sha256_of_file(self._file(study, "nii.gz")),
            codebook=codebook,
            segmenter=who,
            spacing_known=all(one.ml is not None for one in burden),
            burden=tuple(one.cells() for one in burden),
        )
        write_whole(self._file(study, "json"), note.model_dump_json(indent=1) + "\n")
        return note

    def add(self, study: StudyName, note: MaskNote) -> None:
        """Take a mask into the tables."""
        self._notes.append((study, note))

    def add_failure(self, study: StudyName, error: BraidError) -> None:
        """Take a failure into failures.csv."""
        self._failures.append((*study.cells, error.where, error.expected, error.got, error.remedy))

    def write_tables(self) -> None:
        """Write masks.csv, burden.csv and failures.csv."""
        # masks.csv is read back by the manifest's reader, which knows no guards against spreadsheets
        masks = [self._mask_row(study, note) for study, note in self._notes]
        burden = [(*study.cells, *cells) for study, note in self._notes for cells in note.burden]
        self._write_table("masks.csv", MASK_COLUMNS, masks)
        self._write_table("burden.csv", BURDEN_COLUMNS, (map(guarded, row) for row in burden))
        self._write_table("failures.csv", FAILURE_COLUMNS, (map(guarded, row) for row in self._failures))

    def _mask_row(self, study: StudyName, note: MaskNote) -> tuple[str, ...]:
        case_id, study_id, frame = study.cells
        path, who = f"{study.file_stem}.nii.gz", note.segmenter
        named = (case_id, study_id, self._region, f"{self._prefix}/{path}", note.codebook, frame)
        return (*named, f"{self._prefix}/{who}")

    def _file(self, study: StudyName, ending: str) -> Path:
        return self.path / f"{study.file_stem}.{ending}"

    def _write_table(self, name: str, columns: Sequence[str], rows: Iterable[Iterable[str]]) -> None:
        write_whole(self.path / name, "".join([csv_line(columns), *map(csv_line, rows)]))


def codebook_of(labels: dict[int, str]) -> str:
    """Return labels as a cell of masks.csv.

    >>> codebook_of({1: "PZ", 2: "TZ"})
    '1=PZ;2=TZ'
    """
    return ";".join(f"{label}={name}" for label, name in sorted(labels.items()))
