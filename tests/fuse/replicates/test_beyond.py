from __future__ import annotations

import numpy as np
import pytest

from fuse.cases import Cases, Modality
from fuse.replicates.beyond import deal_beyond, known_columns

COUNT = 90


def modality(name: str, values: np.ndarray) -> Modality:
    return Modality(
        name=name,
        feature_set="made",
        present=np.isfinite(values).any(axis=1),
        columns=tuple(map(str, range(values.shape[1]))),
        values=values,
    )


@pytest.fixture
def cases() -> Cases:
    rng = np.random.default_rng(0)
    clinical = rng.normal(size=(COUNT, 3))
    slides = rng.normal(size=(COUNT, 4))
    slides[:, 0] += 2 * clinical[:, 0]
    slides[:, 1] = 3 - clinical[:, 1] + 0.5 * clinical[:, 2] ** 2
    notes = rng.normal(size=(COUNT, 2))
    notes[:20] = np.nan
    notes[40:60, 1] = np.nan
    return Cases(
        case_ids=tuple(f"c{row}" for row in range(COUNT)),
        modalities={
            "clinical": modality("clinical", clinical),
            "slides": modality("slides", slides),
            "notes": modality("notes", notes),
        },
    )


def test_clinical_values_and_who_has_what_do_not_change(cases) -> None:
    dealt = deal_beyond(cases, ["clinical"], np.random.default_rng(1))
    assert dealt.modalities["clinical"] is cases.modalities["clinical"]
    for name in ("slides", "notes"):
        own, before = dealt.modalities[name], cases.modalities[name]
        assert (own.present == before.present).all()
        assert (np.isfinite(own.values).any(axis=1) == own.present).all()
    missing = np.isnan(dealt.modalities["notes"].values[20:, 1])
    assert missing.sum() == 20
    assert (missing != np.isnan(cases.modalities["notes"].values[20:, 1])).any()


def test_what_clinical_values_foretell_stays_and_the_rest_is_another_cases(cases) -> None:
    dealt = deal_beyond(cases, ["clinical"], np.random.default_rng(1)).modalities["slides"].values
    before = cases.modalities["slides"].values
    # a parabola of the clinical values has no remainder
    assert np.allclose(dealt[:, 1], before[:, 1], atol=1e-9)
    clinical = cases.modalities["clinical"].values[:, 0]
    assert np.corrcoef(dealt[:, 0], clinical)[0, 1] == pytest.approx(
        np.corrcoef(before[:, 0], clinical)[0, 1], abs=0.08
    )
    # what is beyond them is lost: of independent columns the correlation with what they were is chance
    assert abs(np.corrcoef(dealt[:, 2], before[:, 2])[0, 1]) < 0.4
    assert abs(np.corrcoef(dealt[:, 0] - 2 * clinical, before[:, 0] - 2 * clinical)[0, 1]) < 0.4


def test_remainders_of_one_case_stay_together(cases) -> None:
    known = known_columns([cases.modalities["clinical"]], COUNT)
    dealt = deal_beyond(cases, ["clinical"], np.random.default_rng(2))
    sources = {}
    for name, column in (("slides", 2), ("slides", 3), ("notes", 0)):
        values, moved = cases.modalities[name].values[:, column], dealt.modalities[name].values[:, column]
        seen = np.isfinite(values)
        foretold = known @ np.linalg.lstsq(known[seen], values[seen], rcond=None)[0]
        rest, rest_moved = values - foretold, moved - foretold
        sources[name, column] = [
            int(np.nanargmin(np.abs(rest - own))) if np.isfinite(own) else -1 for own in rest_moved
        ]
    first = np.array(sources["slides", 2])
    assert (first == sources["slides", 3]).all()
    assert (first[20:] == np.array(sources["notes", 0])[20:]).all()
    # cases without notes take from cases without notes
    assert set(first[:20]) == set(range(20))


def test_few_cases_are_not_asked_for_more_directions_than_they_carry(cases) -> None:
    rng = np.random.default_rng(0)
    wide = modality("clinical", rng.normal(size=(30, 25)))
    directions = known_columns([wide], 30)
    assert directions.shape == (30, 7)
    assert np.allclose(directions.T @ directions, np.eye(7), atol=1e-9)
    # 3 values and their squares, and a constant
    assert known_columns([cases.modalities["clinical"]], COUNT).shape == (COUNT, 7)


def test_the_same_generator_deals_the_same(cases) -> None:
    first, again, other = (
        deal_beyond(cases, ["clinical"], np.random.default_rng(seed)).modalities["slides"].values
        for seed in (5, 5, 6)
    )
    assert first.tobytes() == again.tobytes() != other.tobytes()
