"""The one door of the synthetic cohorts: real files in the layout of a download, and the known answer.

Enters: a folder, a layout, a number of cases, a seed. Leaves: the files, a marker that says they are
invented, and OUT/truth.json.
The same seed writes the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from extract.scan.invented import MARKER, MARKER_TEXT
from extract.synthetic.planted_cohort import LayoutName
from feature_cache.errors import ManifestError

TRUTH = "truth.json"
CASES_MAX = 10_000


def write_synthetic(
    out: Path, *, layout: LayoutName, cases: int, seed: int, progress: Callable[[int], None]
) -> None:
    """Write a cohort with a known answer.

    Parameters
    ----------
    out
        Folder to write into; made where it is absent.
    layout
        `chimera`: slides, MRI, letters, clinical JSON, endpoint BCR in months.
        `mprtm`: one CSV with medication text, late-enhancement volumes, endpoint Rehospitalization in days.
    cases
        At least 1, at most 10,000 (4-digit ids).
    seed
        Same seed, same bytes; a case does not depend on `cases`, but its outcome does.
    progress
        Called after each case with the number of cases written so far.

    Raises
    ------
    ManifestError
        Where the folder already holds another cohort, so that two are never mixed.
    """
    from extract.synthetic.truth import write_truth

    _check(out, cases)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ManifestError(
            str(out),
            expected="a folder that can be made",
            got=error.strerror or "a failure",
            remedy="Choose another place or mend the permissions.",
        ) from error
    (out / MARKER).write_text(MARKER_TEXT, encoding="utf-8")
    if layout == "chimera":
        from extract.synthetic import chimera

        patients = chimera.plant_chimera(cases, seed)
        found = chimera.write_chimera(out, patients, progress)
        write_truth(out / TRUTH, patients, chimera.MEASUREMENTS, found)
    else:
        from extract.synthetic import mprtm

        people = mprtm.plant_mprtm(cases, seed)
        found = mprtm.write_mprtm(out, people, progress)
        write_truth(out / TRUTH, people, mprtm.MEASUREMENTS, found)


def _check(out: Path, cases: int) -> None:
    if not 1 <= cases <= CASES_MAX:
        raise ManifestError(
            "extract synthetic",
            expected=f"1 to {CASES_MAX} cases",
            got=str(cases),
            remedy="Ids have four digits; write several cohorts with different seeds.",
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ManifestError(
            str(out),
            expected="a folder that is empty or absent",
            got="other files",
            remedy="Name another folder, or delete this one first: two cohorts must not mix.",
        )
