"""Names of regions and what they mean: what is listed, what is not, and what is a question."""

from __future__ import annotations

import pytest

from extract.volumes.region_names import is_gland, meaning_of, names_by_meaning, names_of_gland
from feature_cache.errors import SourceError


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("prostate", "gland"), ("Whole Gland", "gland"), ("zones_PZ", "peripheral"),
        ("prostate_TZ", "transition"), ("central-gland", "transition"), ("lesion", "lesion"),
        ("lesion_2", "lesion"), ("csPCa_ISUP3", "lesion"), ("heart_MYO", "myocardium"), ("LV", "lv_cavity"),
        ("seg_RV", "rv_cavity"), ("infarct", "scar"), ("lge_scar", "scar"), ("outside_gland", None),
        ("lesion_ring", None), ("lesion_by_reader_2", None), ("remote_myocardium", None), ("crop", None),
        # as `scan folder` calls masks after their files, and one of several labels
        ("gland_mask", "gland"), ("lesion_gt", "lesion"), ("lesion_2_seg", "lesion"),
        ("myo_label", "myocardium"), ("zones_mask_PZ", "peripheral"), ("heart_seg_LV", "lv_cavity"),
        ("mask", None), ("outside_mask", None),
    ],
)  # fmt: skip
def test_meaning_of_a_name(name: str, meaning: str | None) -> None:
    assert meaning_of(name) == meaning
    assert is_gland(name) == (meaning == "gland")


def test_a_recipe_says_which_where_names_do_not_tell() -> None:
    regions = ["gland_ai", "gland_reader", "lesion_reader", "lesion_1", "lesion_2", "pz"]
    said = {"gland": ("Gland reader",), "lesion": ("lesion_reader", "of another study")}
    assert names_by_meaning(regions, said, "case 1") == {
        "gland": ("gland_reader",), "peripheral": ("pz",), "lesion": ("lesion_reader",)
    }  # fmt: skip
    assert names_by_meaning(regions, {}, "case 1")["lesion"] == ("lesion_1", "lesion_2")
    # a name that the recipe gives to one meaning is not looked at for another
    assert names_by_meaning(["lv"], {"myocardium": ("lv",)}, "case 1") == {"myocardium": ("lv",)}


def test_two_glands_are_a_question() -> None:
    with pytest.raises(SourceError) as refused:
        names_by_meaning(["prostate", "whole_gland"], {}, "case 1, study 2")
    assert refused.value.where == "case 1, study 2"
    assert refused.value.got == "prostate, whole_gland"
    assert "`measures: {organ: prostate, regions: {gland: [prostate]}}`" in refused.value.remedy


def test_the_question_names_the_organ_that_the_block_wants() -> None:
    with pytest.raises(SourceError, match=r"measures: \{organ: heart, regions: \{lv_cavity: \[lv\]\}\}"):
        names_by_meaning(["lv", "lv_cavity"], {}, "case 1")


def test_the_whole_gland_is_drawn_or_both_zones_together() -> None:
    assert names_of_gland(["pz", "tz", "gland_mask"], {}, "s") == ("gland_mask",)
    assert names_of_gland(["pz", "tz", "lesion"], {}, "s") == ("pz", "tz")
    assert names_of_gland(["pz", "lesion"], {}, "s") == ()
    assert names_of_gland(["a", "b"], {"peripheral": ("a",), "transition": ("b",)}, "s") == ("a", "b")
