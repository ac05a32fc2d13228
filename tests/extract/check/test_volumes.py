"""What check says of a study from its headers is what a run would say of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from extract.check.volumes import volume_problems
from feature_cache.errors import SourceError
from tests.extract.volumes.files import write_nifti
from tests.extract.volumes.studies import ALL, PROSTATE, build, cohort_of, paint, series, write_study
from tests.extract.volumes.studies import T2W as GRID


def test_a_sound_study_has_no_problem(tmp_path: Path) -> None:
    assert list(volume_problems(cohort_of(ALL, [PROSTATE]), write_study(tmp_path))) == []


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_series_that_no_header_lays_on_each_other_are_refused_by_both(
    tmp_path: Path, order: tuple[int, int]
) -> None:
    root = write_study(tmp_path)
    write_nifti(root / "lost.nii.gz", paint(GRID, 500, 200), np.diag([1.0, 1, 1, 1]))  # 1 mm is a placeholder
    rows = [series("t2w", "lost.nii.gz"), series("adc")]
    cohort = cohort_of([rows[place] for place in order])
    problems = [problem for problem in volume_problems(cohort, root) if problem.fails]
    assert [problem.got for problem in problems] == [
        "another grid, and t2w without spacing or place in its header"
    ]
    with pytest.raises(SourceError, match=problems[0].got):
        build(cohort, root)


def test_a_lost_series_alone_is_a_warning(tmp_path: Path) -> None:
    write_nifti(tmp_path / "lost.nii.gz", paint(GRID, 500, 200), np.diag([1.0, 1, 1, 1]))
    (problem,) = volume_problems(cohort_of([series("t2w", "lost.nii.gz")]), tmp_path)
    assert not problem.fails and problem.got == "a spacing of 1 x 1 x 1 counts as unknown: nothing in mm"
