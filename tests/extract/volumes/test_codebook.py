from __future__ import annotations

import numpy as np
import pytest

from extract.volumes.codebook import region_labels, split_labels
from feature_cache.errors import SourceError


def test_names_depend_on_the_row_alone() -> None:
    assert region_labels("lesion", None, "m") == {"lesion": None}
    assert region_labels("scar_predicted", "1=scar", "m") == {"scar_predicted": frozenset({1})}
    assert region_labels("zones", "1=PZ; 2 = TZ", "m") == {
        "zones_PZ": frozenset({1}),
        "zones_TZ": frozenset({2}),
    }
    assert region_labels("gland", "1=gland;2=gland", "m") == {"gland": frozenset({1, 2})}
    assert region_labels("heart", "1=rv;2=lv;3=lv", "m") == {
        "heart_rv": frozenset({1}),
        "heart_lv": frozenset({2, 3}),
    }


@pytest.mark.parametrize(
    "codebook", ["", "prostate", "1:PZ", "1=", "=PZ", "0=background;1=PZ", "1=PZ;1=TZ", "1=PZ;", "1=a/b"]
)
def test_a_codebook_of_another_form(codebook: str) -> None:
    with pytest.raises(SourceError, match="expected a codebook such as 1=PZ;2=TZ"):
        region_labels("zones", codebook, "masks.csv: case 1")


@pytest.mark.parametrize("region", ["crop", "a/b", " "])
def test_names_that_cannot_be_columns(region: str) -> None:
    with pytest.raises(SourceError, match="expected a region with a name of its own"):
        region_labels(region, None, "m")


def test_labels_become_regions_and_an_absent_one_is_empty() -> None:
    labels = np.array([0, 1, 2, 2, 5], dtype=np.int32).reshape(5, 1, 1)
    regions = split_labels(labels, region_labels("z", "1=a;2=b;5=a;7=c", "m"), "m")
    assert {name: mask.ravel().tolist() for name, mask in regions.items()} == {
        "z_a": [False, True, False, False, True],
        "z_b": [False, False, True, True, False],
        "z_c": [False] * 5,
    }
    (anything,) = split_labels(labels, region_labels("lesion", None, "m"), "m").values()
    assert anything.ravel().tolist() == [False, True, True, True, True]


def test_a_label_that_no_codebook_names_is_refused() -> None:
    labels = np.array([0, 1, 3, 4], dtype=np.int32).reshape(4, 1, 1)
    with pytest.raises(
        SourceError, match="expected labels 0 and 1, 2 as its codebook says; got label 3, 4 as well"
    ):
        split_labels(labels, region_labels("zones", "1=PZ;2=TZ", "m"), "m")
