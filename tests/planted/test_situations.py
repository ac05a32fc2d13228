"""The situations have the properties that they promise: who knows the hazard and who lacks what."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.planted.modalities import CLINICAL, DIM, OMICS, SLIDES
from tests.planted.reference import informed_blocks
from tests.planted.situations import BY_HAZARD, EVENTS, LACKING, SITUATIONS, Planted, draw
from tests.planted.study import fresh_concordance

COUNT = 3000


@pytest.fixture(scope="module")
def drawn() -> dict[str, Planted]:
    return {name: draw(situation, COUNT, 1, "fresh") for name, situation in SITUATIONS.items()}


def explained(planted: Planted, values: np.ndarray) -> float:
    """Return the share of the variance of the true log hazard that a linear fit on the columns explains."""
    table = np.where(np.isnan(values), np.nanmean(values, axis=0), values)
    table = np.column_stack([table, np.ones(len(table))])
    left = planted.log_hazard - table @ np.linalg.lstsq(table, planted.log_hazard, rcond=None)[0]
    return 1.0 - float(left.var() / planted.log_hazard.var())


def by_modality(planted: Planted) -> dict[str, float]:
    complete = draw(replace(planted.situation, lacking=""), COUNT, 1, "fresh")
    return {name: explained(complete, one.values) for name, one in complete.cases.modalities.items()}


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_true_hazard_reaches_what_was_planned(drawn, name):
    planted = drawn[name]
    assert 0.70 < fresh_concordance(planted.log_hazard, planted) < 0.80
    assert planted.outcome.event.mean() == pytest.approx(EVENTS, abs=0.03)
    seen = planted.outcome.event
    assert (planted.outcome.time_days[seen] == planted.time_days[seen]).all()
    assert (planted.outcome.time_days[~seen] < planted.time_days[~seen]).all()


def test_complementary_modalities_each_explain_a_part_and_together_the_sum(drawn):
    planted = drawn["complementary"]
    alone = by_modality(planted)
    together = explained(
        planted, np.concatenate([m.values for m in planted.cases.modalities.values()], axis=1)
    )
    assert all(0.2 < share < 0.33 for share in alone.values())
    assert together == pytest.approx(sum(alone.values()), abs=0.04)


def test_redundant_modalities_explain_the_same(drawn):
    alone = by_modality(drawn["redundant"])
    assert all(share > 0.7 for share in alone.values())


def test_noise_knows_nothing_of_the_hazard(drawn):
    alone = by_modality(drawn["noise"])
    # 60 columns explain 60 / 3000 of anything by chance
    assert alone[OMICS] < 0.03
    assert min(alone[CLINICAL], alone[SLIDES]) > 0.3


def test_an_interaction_is_seen_in_no_modality_and_in_the_products(drawn):
    planted = drawn["interaction"]
    alone = by_modality(planted)
    assert max(alone[OMICS], alone[SLIDES]) < 0.03
    assert alone[CLINICAL] < 0.15
    products = informed_blocks(planted)[-1]
    assert explained(planted, products) > 0.4


def test_rare_tiles_are_two_percent_and_their_bags_means_blind(drawn):
    planted = drawn["rare_tiles"]
    readings = planted.readings
    sizes = readings.stop - readings.start
    assert sizes.min() >= 100
    assert readings.informs.mean() == pytest.approx(0.02, abs=0.001)
    assert (np.add.reduceat(readings.informs, readings.start) >= 1).all()
    assert by_modality(planted)[SLIDES] < 0.04
    assert explained(planted, informed_blocks(planted)[-1]) > 0.5


@pytest.mark.parametrize("name", ["lacking_at_random", "lacking_by_hazard"])
def test_two_fifths_lack_omics_and_are_the_patients_of_the_complete_cohort(drawn, name):
    planted, complete = drawn[name], drawn["complementary"]
    present = planted.cases.modalities[OMICS].present
    assert 1 - present.mean() == pytest.approx(LACKING, abs=0.02)
    assert np.isnan(planted.cases.modalities[OMICS].values[~present]).all()
    assert planted.log_hazard.tobytes() == complete.log_hazard.tobytes()
    whole = complete.cases.modalities[OMICS].values[present]
    assert planted.cases.modalities[OMICS].values[present].tobytes() == whole.tobytes()
    gap = planted.log_hazard[~present].mean() - planted.log_hazard[present].mean()
    spread = planted.log_hazard.std()
    if name == "lacking_at_random":
        assert abs(gap) < 0.1 * spread
    else:
        assert gap > 0.5 * BY_HAZARD * spread


def test_the_same_seed_draws_the_same_and_the_parts_differ():
    situation = SITUATIONS["rare_tiles"]
    one, again, other = (draw(situation, 30, seed) for seed in (4, 4, 5))
    fresh = draw(situation, 30, 4, "fresh")
    for name in (CLINICAL, OMICS, SLIDES):
        values = one.cases.modalities[name].values
        assert values.tobytes() == again.cases.modalities[name].values.tobytes()
        assert not np.array_equal(values, other.cases.modalities[name].values)
        assert not np.array_equal(values, fresh.cases.modalities[name].values)
    assert one.readings.tiles.shape[1] == DIM
    assert set(one.cases.case_ids).isdisjoint(fresh.cases.case_ids)
