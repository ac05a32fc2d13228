"""Registration of two real prostates: known shifts recovered, wrong ones refused, ADC left positive.

Enters: ProstateX-0000 and 0001 with PI-CAI's whole glands, beside the checkout. Leaves: what the recipe
`mpmri` makes of them as they are, with ADC's contrasts by header and where it was found; of copies whose ADC
and high-b headers were turned by 5 degrees about the gland's centre and moved by 6 mm; and of series that
belong to no such T2W: the other patient's, laid gland on gland, and noise.
`python -m tests.published.registration` runs it alone (two minutes).
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from extract.recipe import read_recipe
from extract.volumes.geometry import VoxelGrid
from extract.volumes.header import open_volume
from extract.volumes.reader import read_labels, read_series
from extract.volumes.registration.rigid import degrees_of, moved, moved_grid, rigid_matrix
from tests.extract.volumes.files import write_nifti
from tests.extract.volumes.studies import build, cohort_of, mask, row_of, series
from tests.measurement import ROOT, Measured, tabulate
from tests.published.measures import LABELS
from tests.published.registration_contrast import contrast_rows
from tests.published.shared_tables import absent

PROSTATEX = ROOT.parent / "shared/data/volumes/prostatex"
FIRST, SECOND = LABELS
DIFFUSION = ("adc", "hbv")
#: Six numbers of `rigid_matrix`: 5 degrees about an oblique axis, 6 mm along another.
MOVED = {
    FIRST: np.array([3.0, 0.0, 4.0, -4.0, 2.0, 4.0]),
    SECOND: np.array([-4.0, 3.0, 0.0, 2.0, -4.0, -4.0]),
}
#: Two glands that a recipe must not lay on each other, and noise.
WRONG = ((FIRST, SECOND), (SECOND, FIRST), (FIRST, None), (SECOND, None))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What an entry says of one study, with the least ADC voxel of its crop and the CPU seconds."""

    registration: dict[str, Any]
    least_adc: float
    cpu_s: float

    @property
    def matrix(self) -> np.ndarray[Any, Any]:
        return np.array(self.registration["matrix"])


@dataclass(frozen=True, kw_only=True)
class Case:
    """Where a case's files are, its gland's centre (RAS mm)."""

    name: str
    files: dict[str, Path]
    centre: np.ndarray[Any, Any]

    def series(self, sequence: str) -> tuple[np.ndarray[Any, Any], VoxelGrid]:
        stored = open_volume(self.files[sequence], sequence)
        return read_series(stored, sequence).voxels, stored.grid


def registration_rows(folder: Path = PROSTATEX) -> list[Measured]:
    """Measure all of it; one row says what is missing where the files are not there."""
    if not folder.is_dir():
        return absent("volumes/registration", "mm", folder)
    cases = {name: _case(folder, name) for name in LABELS}
    with tempfile.TemporaryDirectory(prefix="braid-registration-") as work:
        as_they_are = {name: _build(case, {}, Path(work)) for name, case in cases.items()}
        shifted = {name: _build(case, _moved(case), Path(work)) for name, case in cases.items()}
        wrong = [
            _build(cases[own], _foreign(cases[own], cases.get(other or "")), Path(work))
            for own, other in WRONG
        ]
    return [
        *_as_they_are(as_they_are),
        *contrast_rows(folder, {name: one.matrix for name, one in as_they_are.items()}),
        *_recovered(cases, as_they_are, shifted),
        *_refused(wrong),
        *_sound([*as_they_are.values(), *shifted.values(), *wrong]),
    ]


def _case(folder: Path, name: str) -> Case:
    files = {sequence: folder / name / f"{name}_{sequence}.nii.gz" for sequence in ("t2w", *DIFFUSION)}
    files["gland"] = folder / "picai_labels" / name / f"{LABELS[name]}_whole_gland_AI_Bosma22b.nii.gz"
    gland = open_volume(files["gland"], "gland", "label")
    inside = np.argwhere(read_labels(gland, "gland") > 0)
    return Case(name=name, files=files, centre=gland.grid.centres(inside.mean(axis=0, keepdims=True))[0])


def _build(case: Case, written: dict[str, tuple[np.ndarray[Any, Any], VoxelGrid]], work: Path) -> Outcome:
    """Build the entry of a case, some of its series replaced."""
    folder = Path(tempfile.mkdtemp(dir=work))
    for name, file in case.files.items():
        if name in written:
            voxels, grid = written[name]
            write_nifti(folder / f"{name}.nii.gz", voxels.astype(np.float32), grid.affine)
        else:
            shutil.copy(file, folder / f"{name}.nii.gz")
    block = read_recipe("mpmri").volumes
    rows = [series(name) for name in ("t2w", *DIFFUSION)]
    cohort = cohort_of(rows, [mask("prostate", "gland.nii.gz", "1=prostate")])
    started = time.process_time()
    draft = build(cohort, folder, block)
    registration: Any = draft.attrs["registration"]
    return Outcome(
        registration=registration,
        least_adc=row_of(draft, "adc", "crop")["stat_min"],
        cpu_s=time.process_time() - started,
    )


def _moved(case: Case) -> dict[str, tuple[np.ndarray[Any, Any], VoxelGrid]]:
    matrix = rigid_matrix(MOVED[case.name], case.centre)
    return {
        name: (voxels, moved_grid(grid, matrix)) for name in DIFFUSION for voxels, grid in [case.series(name)]
    }


def _foreign(case: Case, other: Case | None) -> dict[str, tuple[np.ndarray[Any, Any], VoxelGrid]]:
    """Return the other patient's series with the glands' centres on each other, or noise on the own grid."""
    written = {}
    for number, name in enumerate(DIFFUSION):
        voxels, grid = (other or case).series(name)
        if other is None:
            drawn = np.random.default_rng(number).gamma(4.0, float(voxels.mean()) / 4.0 + 100.0, voxels.shape)
            voxels = drawn
        else:
            matrix = np.eye(4)
            matrix[:3, 3] = case.centre - other.centre
            grid = moved_grid(grid, matrix)
        written[name] = (voxels, grid)
    return written


def _as_they_are(outcomes: dict[str, Outcome]) -> list[Measured]:
    """Say whether the series were moved; without a bar, for nobody knows where they belong."""
    rows = []
    for name, one in outcomes.items():
        numbers = ", ".join(f"{piece['name']} {piece['value']:.3g}" for piece in one.registration["evidence"])
        rows.append(
            Measured(
                name=f"volumes/registration_moved_as_it_is_{name[-4:]}",
                value=float(one.registration["accepted"]),
                unit="0 or 1",
                bar=None,
                met=None,
                input=numbers,
            )
        )
    return rows


def _recovered(
    cases: dict[str, Case], as_they_are: dict[str, Outcome], shifted: dict[str, Outcome]
) -> list[Measured]:
    """Compare the place found for a shifted copy with the one found for the study, accepted there or not."""
    rows = []
    for name, case in cases.items():
        back = shifted[name].matrix @ rigid_matrix(MOVED[name], case.centre)
        rest = back @ np.linalg.inv(as_they_are[name].matrix)
        centre = moved(case.centre[None], as_they_are[name].matrix)
        left_mm = float(np.linalg.norm(moved(centre, rest) - centre))
        accepted = shifted[name].registration["accepted"] is True
        source = f"{name}, ADC and high b turned by 5 degrees and moved by 6 mm in their headers"
        for what, left, unit in (("shift", left_mm, "mm"), ("turn", degrees_of(rest), "degrees")):
            rows.append(
                Measured(
                    name=f"volumes/registration_{what}_left_{name[-4:]}",
                    value=left,
                    unit=unit,
                    bar="<= .3, accepted",
                    met=left <= 0.3 and accepted,
                    input=source,
                )
            )
    return rows


def _refused(outcomes: list[Outcome]) -> list[Measured]:
    refused = [one.registration["accepted"] is False for one in outcomes]
    reasons = "; ".join(
        f"{own[-4:]} with {other[-4:] if other else 'noise'}: "
        + ", ".join(piece["name"] for piece in one.registration["evidence"] if not piece["holds"])
        for (own, other), one in zip(WRONG, outcomes, strict=True)
    )
    return [
        Measured(
            name="volumes/registration_wrong_refused",
            value=float(sum(refused)),
            unit=f"of {len(refused)}",
            bar="all",
            met=all(refused),
            input=reasons,
        )
    ]


def _sound(outcomes: list[Outcome]) -> list[Measured]:
    least = min(one.least_adc for one in outcomes)
    slowest = max(one.cpu_s for one in outcomes)
    source = f"{len(outcomes)} studies at 0.5 x 0.5 x 3 mm"
    return [
        Measured(
            name="volumes/registration_least_adc",
            value=least,
            unit="1e-6 mm2/s",
            bar="> 0",
            met=least > 0,
            input=source,
        ),
        Measured(
            name="volumes/registration_study_cpu",
            value=slowest,
            unit="s",
            bar=None,
            met=None,
            input=f"the slowest of {source}, all of the recipe mpmri",
        ),
    ]


if __name__ == "__main__":
    sys.exit(tabulate(registration_rows()))
