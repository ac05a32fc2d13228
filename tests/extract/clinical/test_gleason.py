from __future__ import annotations

import pytest

from extract.clinical.gleason import disagreement, grade_group
from feature_cache.card import read_card


@pytest.mark.parametrize(
    ("primary", "secondary", "group"),
    [(3, 3, 1), (3, 4, 2), (4, 3, 3), (4, 4, 4), (3, 5, 4), (5, 3, 4), (4, 5, 5), (5, 5, 5), (2, 3, 1)],
)
def test_grade_groups_of_2014(primary: int, secondary: int, group: int) -> None:
    assert grade_group(primary, secondary) == group


def test_only_a_contradiction_is_flagged(repository) -> None:
    card = read_card(repository / "data_manifests/chimera/cohort.yaml")
    cells = {"primary_gleason": "4", "secondary_gleason": "3", "ISUP": "3"}
    assert disagreement(card, cells) is None
    assert (
        disagreement(card, cells | {"ISUP": "2"}) == "ISUP disagrees with primary_gleason + secondary_gleason"
    )
    assert disagreement(card, cells | {"ISUP": ""}) is None
    assert disagreement(card, cells | {"ISUP": "GG2"}) is None
    assert disagreement(card, {"ISUP": "2"}) is None
