"""The many ridge fits are those of the product, one by one."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_allclose

from fuse.models.newton_cox import ridge_cox_path
from tests.coverage.cohorts import draw_cohort
from tests.coverage.many_ridge import ALPHA, fit_parts


def test_parts_and_resamples_are_fitted_as_the_product_fits_them() -> None:
    cohort = draw_cohort("signal", 80, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    part = (rng.random(80) < 0.8).astype(float)
    resample = np.bincount(rng.integers(80, size=80), minlength=80).astype(float)
    found = fit_parts(cohort.columns, cohort.outcome, np.stack([part, resample]))
    for counts, weights in zip((part, resample), found, strict=True):
        rows = np.repeat(np.arange(80), counts.astype(int))
        columns, outcome = cohort.columns[rows], cohort.outcome.take(rows)
        scaled = (columns - columns.mean(axis=0)) / columns.std(axis=0)
        expected = ridge_cox_path(scaled, outcome, (ALPHA,))[0] / columns.std(axis=0)
        assert_allclose(weights, expected, atol=1e-7)
