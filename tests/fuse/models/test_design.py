"""Design: what a table becomes, and what must not change it."""

from __future__ import annotations

import numpy as np
import pytest

from fuse.models.design import MAX_COMPONENTS, design_of, filled_rows, fit_design, matrix_of
from tests.fuse.models.test_value_models import made


def test_known_values_become_standardised_columns_of_total_variance_one():
    values = np.array([[1.0, 10.0], [3.0, 10.0], [5.0, 10.0], [np.nan, 10.0]])

    filled = fit_design(values, scale_columns=True).fill(values)

    # mean 3, sd sqrt(8/3); the missing value stands at the mean; the constant column says nothing
    raw = np.array([-2.0, 0.0, 2.0, 0.0]) / np.sqrt(8 / 3)
    assert filled[:, 0] == pytest.approx(raw / np.sqrt(np.mean(raw**2)))
    assert (filled[:, 1] == 0).all()
    assert np.sum(np.mean(filled**2, axis=0)) == pytest.approx(1.0)


def test_unscaled_columns_keep_their_ratios():
    values = np.random.default_rng(0).normal(size=(50, 3)) * [1.0, 10.0, 100.0]

    filled = fit_design(values, scale_columns=False).fill(values)

    assert filled.std(axis=0) / filled.std(axis=0)[0] == pytest.approx(
        values.std(axis=0) / values.std(axis=0)[0]
    )


def test_indicators_only_where_five_percent_are_missing_and_once_per_pattern():
    values = np.random.default_rng(0).normal(size=(100, 4))
    values[:10, :2] = np.nan
    values[50, 2] = np.nan

    design = fit_design(values, scale_columns=True, missing_indicators=True)

    assert design.indicator_of.tolist() == [0]
    indicator = design.fill(values)[:, 4]
    assert indicator.mean() == pytest.approx(0.0)
    assert (indicator[:10] > 0).all() and (indicator[10:] < 0).all()
    assert fit_design(values, scale_columns=True).fill(values).shape == (100, 4)


def test_column_without_any_value_is_silent():
    values = np.column_stack([np.arange(6.0), np.full(6, np.nan)])

    filled = fit_design(values, scale_columns=True).fill(np.array([[2.0, 7.0]]))

    assert filled[0, 1] == 0.0


def test_wide_tables_are_reduced_and_weights_go_back_to_the_columns():
    rng = np.random.default_rng(3)
    values = rng.normal(size=(60, 200))
    design = fit_design(values, scale_columns=True)
    coefficients = rng.normal(size=MAX_COMPONENTS)

    assert design.components is not None and design.components.shape == (200, MAX_COMPONENTS)
    assert design.components.T @ design.components == pytest.approx(np.eye(MAX_COMPONENTS), abs=1e-9)
    largest = np.argmax(np.abs(design.components), axis=0)
    assert (design.components[largest, np.arange(MAX_COMPONENTS)] > 0).all()
    direct = design.matrix(values) @ coefficients
    assert design.fill(values) @ design.column_weights(coefficients) == pytest.approx(direct)


def test_rows_without_variation_give_zeros_not_nan():
    filled = fit_design(np.ones((5, 3)), scale_columns=True).fill(np.full((2, 3), 9.0))
    assert (filled == 0).all()


@pytest.mark.parametrize("columns", [3, 200])
def test_no_row_gives_no_column_and_one_row_zeros(columns):
    rng = np.random.default_rng(2)
    later = rng.normal(size=(4, columns))

    empty = fit_design(np.empty((0, columns)), scale_columns=True)
    one = fit_design(rng.normal(size=(1, columns)), scale_columns=True)

    assert empty.matrix(later).shape == (4, 0)
    assert empty.column_weights(np.empty(0)).tolist() == [0.0] * columns
    assert (one.fill(later) == 0).all()


def test_a_column_that_hardly_any_train_case_has_is_silent():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(40, 3))
    values[2:, 1] = np.nan
    values[:2, 1] = [1.0, 1.0 + 1e-6]

    design = fit_design(values, scale_columns=True)

    assert design.factor[1] == 0.0 and (design.factor[[0, 2]] > 0).all()


@pytest.mark.parametrize("scale_columns", [True, False])
def test_ten_thousand_columns_most_of_them_missing_for_some_or_all(scale_columns):
    """What a network makes of a study: every series times every region, and no case has them all."""
    rng = np.random.default_rng(2)
    values = rng.normal(size=(50, 10_000))
    values[:, ::7] = np.nan
    values[:20, 5000:] = np.nan

    design = fit_design(values, scale_columns)

    weights = design.column_weights(rng.normal(size=MAX_COMPONENTS))
    assert design.components.shape == (10_000, MAX_COMPONENTS)
    assert design.components.T @ design.components == pytest.approx(np.eye(MAX_COMPONENTS), abs=1e-9)
    assert np.sum(design.fill(values) ** 2) / 50 == pytest.approx(1.0)
    assert (design.fill(rng.normal(size=(3, 10_000)))[:, ::7] == 0).all()
    # the absent half of the columns adds nothing at all to the risk of a case
    case = values[:1]
    assert np.sum(design.fill(case)[:, :5000] * weights[:5000]) == np.sum(design.fill(case) * weights)


def test_a_large_train_part_keeps_more_components():
    """Thirty cancers and their stages: more columns than 200 cases can carry, not more than 8,880 can."""
    rng = np.random.default_rng(4)

    small = fit_design(rng.normal(size=(2111, 60)), scale_columns=True)
    larger = fit_design(rng.normal(size=(2560, 60)), scale_columns=True)
    large = fit_design(rng.normal(size=(3840, 60)), scale_columns=True)

    assert (small.width, larger.width, large.width) == (MAX_COMPONENTS, 40, 60)
    assert large.components is None


def test_filled_rows_are_remembered_for_the_design_that_made_them():
    rng = np.random.default_rng(3)
    values = rng.normal(size=(60, 4))
    values[rng.uniform(size=60) < 0.3] = np.nan
    table = made(values).modalities["table"]
    plain, marked = design_of(table), design_of(table, missing_indicators=True)
    seen = values[table.present]

    for design in (plain, marked, plain):
        rows = filled_rows(design, table)
        assert (rows == design.fill(seen)).all() and rows is filled_rows(design, table)
        assert (matrix_of(design, table) == design.matrix(seen)).all()
        with pytest.raises(ValueError, match="read-only"):
            rows[0] = 0.0


def test_of_equal_patterns_of_missing_values_the_first_has_the_indicator():
    missing = np.zeros((40, 6), dtype=bool)
    missing[:10, [1, 4]] = True  # one pattern twice
    missing[5:9, 3] = True
    missing[0, 2] = True  # too rare
    values = np.where(missing, np.nan, np.random.default_rng(0).normal(size=missing.shape))
    values[:, 5] = np.nan  # never there
    assert fit_design(values, True, missing_indicators=True).indicator_of.tolist() == [1, 3]
