from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from fuse.cases import Cases, Modality
from fuse.replicates.beyond import deal_beyond, draw_deal, known_columns

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
        assert (np.isnan(own.values) == np.isnan(before.values)).all()


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


def remainders(modalities: Mapping[str, Modality], known: np.ndarray) -> np.ndarray:
    slides = modalities["slides"].values
    return slides - known @ np.linalg.lstsq(known, slides, rcond=None)[0]


def test_what_is_foretold_and_how_remainders_go_together_is_kept_to_the_last_digit(cases) -> None:
    known = known_columns([cases.modalities["clinical"]], COUNT)
    complete = replace(cases, modalities={**cases.modalities})
    del complete.modalities["notes"]
    dealt = deal_beyond(complete, ["clinical"], np.random.default_rng(2)).modalities
    before, after = remainders(complete.modalities, known), remainders(dealt, known)
    # a remainder that was moved and not brought back to the space of remainders would change both
    assert np.allclose(known.T @ after, 0, atol=1e-9)
    foretold = complete.modalities["slides"].values - before
    assert np.allclose(dealt["slides"].values - after, foretold, atol=1e-9)
    assert np.allclose(after.T @ after, before.T @ before, atol=1e-9)
    assert np.abs(after - before)[:, 2:].mean() > 0.5


def test_a_deal_is_near_a_permutation_and_leaves_alone_what_is_known() -> None:
    known = known_columns([modality("clinical", np.random.default_rng(3).normal(size=(COUNT, 2)))], COUNT)
    deal = draw_deal(known, np.random.default_rng(0))
    assert np.allclose(deal @ known, known, atol=1e-9)
    assert np.allclose(deal.T @ deal, np.eye(COUNT), atol=1e-9)
    taken_from = np.random.default_rng(0).permutation(COUNT)
    assert (np.abs(deal).argmax(axis=1) == taken_from).mean() > 0.95


def test_cases_take_from_cases_that_have_the_same_modalities(cases) -> None:
    known = known_columns([cases.modalities["clinical"]], COUNT)
    # nothing of it is foretold, and only cases without notes have any
    slides = np.zeros((COUNT, 1))
    slides[:20, 0] = np.linalg.svd(known[:20])[0][:, -1]
    altered = replace(cases, modalities={**cases.modalities, "slides": modality("slides", slides)})
    dealt = deal_beyond(altered, ["clinical"], np.random.default_rng(4)).modalities["slides"].values
    assert np.allclose(dealt[20:], 0, atol=1e-9)
    assert np.linalg.norm(dealt - slides) > 0.5


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
