"""Measures of studies as columns: states without a value are NaN, and a network's columns stay alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from feature_cache.entry import NOT_APPLICABLE, OBSERVED, UNKNOWN, EntryDraft
from feature_cache.errors import CacheError
from feature_cache.recipe import ResolvedRecipe
from tests.fuse.features.test_volumes import T2W, read
from tests.fuse.tiny_volumes import NETWORK, VOLUMES, volume

NAMES = ("gland_volume_ml", "lesion_volume_ml")


def measured(
    case: str,
    study: str,
    values: tuple[float, ...],
    states: tuple[int, ...],
    recipe: ResolvedRecipe = VOLUMES,
    names: tuple[str, ...] = NAMES,
) -> EntryDraft:
    entry = volume(case, study, {T2W: (1.0, 2.0)}, recipe)
    arrays = {"measures": np.array(values, "<f8"), "measure_state": np.array(states, np.uint8)}
    return replace(entry, arrays=entry.arrays | arrays, attrs=entry.attrs | {"measure_names": [*names]})


def test_a_negative_is_0_and_what_nobody_looked_for_is_nan(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        [
            measured("0000", "a", (44.3, 0.0), (OBSERVED, OBSERVED)),
            # a number under another state is none: not even one that could pass for a value
            measured("0001", "b", (32.2, 0.0), (OBSERVED, UNKNOWN)),
            volume("0002", "c", {T2W: (5.0, 6.0)}),
        ],
    )
    assert found.columns[-2:] == ("study/measures/gland_volume_ml", "study/measures/lesion_volume_ml")
    np.testing.assert_array_equal(found.values[:, -2:], [[44.3, 0.0], [32.2, np.nan], [np.nan, np.nan]])


def test_a_measure_that_no_case_has_is_no_column_and_studies_are_averaged(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        [
            measured("0000", "a", (40.0, np.nan), (OBSERVED, NOT_APPLICABLE)),
            measured("0000", "b", (44.0, np.nan), (OBSERVED, UNKNOWN)),
        ],
    )
    assert [name for name in found.columns if name.startswith("study/")] == ["study/measures/gland_volume_ml"]
    assert found.values[0, -1] == 42.0


def test_beside_a_networks_columns_there_are_none(tmp_path: Path) -> None:
    found = read(tmp_path, [measured("0000", "a", (44.3, 0.0), (OBSERVED, OBSERVED), NETWORK)])
    assert not any(name.startswith("study/") for name in found.columns)


@pytest.mark.parametrize(
    ("names", "states"), [(NAMES[:1], (OBSERVED, OBSERVED)), (NAMES[:1] * 2, (OBSERVED, OBSERVED)),
                          (NAMES, (OBSERVED,))]
)  # fmt: skip
def test_measures_and_names_that_do_not_go_together_are_refused(
    tmp_path: Path, names: tuple[str, ...], states: tuple[int, ...]
) -> None:
    with pytest.raises(CacheError, match="each with a value and a state"):
        read(tmp_path, [measured("0000", "a", (44.3, 0.0), states, names=names)])
