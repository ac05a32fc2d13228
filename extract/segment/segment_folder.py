"""The folder that `segment` writes: masks, the rows of masks.csv for them, who drew them, what failed.

Enters: masks and rows as they come. Leaves: files that a manifest can take over. Paths are relative to the
root of the cohort; where the folder does not lie below it they begin with the folder's own name, as they will
be right once it is copied there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from extract.segment.burden import COLUMNS as BURDEN_COLUMNS
from extract.segment.burden import StructureBurden
from extract.volumes.mask_origin import MaskOrigin
from extract.volumes.nifti_writer import write_nifti
from feature_cache.canonical import sha256_of_json
from feature_cache.csv_lines import csv_line, guarded
from feature_cache.errors import BraidError, RecipeError
from feature_cache.names import encode_name

FAILURE_COLUMNS = ("case_id", "study_id", "frame", "where", "expected", "got", "remedy")
MASK_COLUMNS = ("case_id", "study_id", "region", "path", "codebook", "frame", "segmenter")


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
        """What a file of its own is called."""
        return encode_name(self.study_id) + ("" if self.frame is None else f"_frame{self.frame}")


class SegmentFolder:
    """A folder of masks; rows are written as they come, so that a stopped run leaves what it did."""

    def __init__(self, out: Path, root: Path, region: str) -> None:
        """Make the folder.

        Raises
        ------
        RecipeError
            There is something in it.
        """
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise RecipeError(
                f"--out {out.name}",
                expected="a new or empty folder",
                got="one with files in it" if out.is_dir() else "a file",
                remedy="Give another folder.",
            )
        out.mkdir(parents=True, exist_ok=True)
        self.path, self._region = out, region
        self.below_root = out.resolve().is_relative_to(root.resolve())
        self._prefix = (
            out.resolve().relative_to(root.resolve()).as_posix() if self.below_root else out.resolve().name
        )
        self._add("masks.csv", MASK_COLUMNS)
        self._add("burden.csv", BURDEN_COLUMNS)
        self._add("failures.csv", FAILURE_COLUMNS)

    def write_mask(
        self,
        study: StudyName,
        labels: UInt8[np.ndarray[Any, Any], "x y z"],
        affine: Float[np.ndarray[Any, Any], "4 4"],
        origin: MaskOrigin,
        codebook: str,
    ) -> None:
        """Write a mask with the affine of its series' header, and its row."""
        relative = f"{encode_name(study.case_id)}/{study.file_stem}.nii.gz"
        target = self.path / relative
        target.parent.mkdir(exist_ok=True)
        write_nifti(target, labels, affine)
        who = self._write_origin(origin)
        case_id, study_id, frame = study.cells
        # read back by the manifest's reader, which knows no guards against spreadsheets: as it is
        row = (case_id, study_id, self._region, f"{self._prefix}/{relative}", codebook, frame)
        self._add("masks.csv", (*row, f"{self._prefix}/{who}"))

    def write_burden(self, study: StudyName, structures: Iterable[StructureBurden]) -> None:
        """Write the rows of burden.csv."""
        for one in structures:
            self._add("burden.csv", map(guarded, (*study.cells, *one.cells())))

    def write_failure(self, study: StudyName, error: BraidError) -> None:
        """Write a row of failures.csv."""
        told = (error.where, error.expected, error.got, error.remedy)
        self._add("failures.csv", map(guarded, (*study.cells, *told)))

    def _write_origin(self, origin: MaskOrigin) -> str:
        """Write who drew a mask, one file for all masks of the same networks; return its name."""
        relative = f"segmenters/{sha256_of_json(origin.as_json())[:12]}.json"
        target = self.path / relative
        if not target.exists():
            target.parent.mkdir(exist_ok=True)
            target.write_text(origin.model_dump_json(indent=1) + "\n", encoding="utf-8", newline="\n")
        return relative

    def _add(self, table: str, cells: Iterable[str]) -> None:
        with (self.path / table).open("a", encoding="utf-8", newline="\n") as stream:
            stream.write(csv_line(cells))


def codebook_of(labels: dict[int, str]) -> str:
    """Return labels as a cell of masks.csv.

    >>> codebook_of({1: "PZ", 2: "TZ"})
    '1=PZ;2=TZ'
    """
    return ";".join(f"{label}={name}" for label, name in sorted(labels.items()))
