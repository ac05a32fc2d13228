"""What a card may call its moments, and what it says of one that it lacks."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from feature_cache.card import CohortCard
from feature_cache.errors import ManifestError


def card(**moments: int) -> CohortCard:
    fields: dict[str, Any] = dict.fromkeys(("name", "title", "citation", "licence", "index_event"), "x")
    return CohortCard.model_validate(
        {
            **fields,
            "schema_version": 1,
            "sites": (),
            "modalities": (),
            "prediction_day": 0,
            "moments": moments,
        }
    )


def test_no_moment_takes_the_name_of_the_declared_day() -> None:
    with pytest.raises(ValidationError, match="name it otherwise"):
        card(prediction_day=30)
    assert card(after=30).at("after").moments == {"prediction_day": 0, "after": 30}


def test_a_moment_that_the_card_lacks_is_refused_with_those_that_it_has() -> None:
    with pytest.raises(ManifestError, match="one of before, after; got later"):
        card(before=-1, after=0).at("later")
    with pytest.raises(ManifestError, match="no moments, and later was asked for"):
        card().at("later")
