from __future__ import annotations

import numpy as np
import pytest

from extract.synthetic import chimera, clinical_mprtm, medication, mprtm, scar
from extract.synthetic.mprtm_labels import draw_labels
from extract.synthetic.outcomes import FollowUp, baseline_scale, concordance, draw_weights, weibull_times
from extract.synthetic.streams import stream


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("layout", [chimera.plant_chimera, mprtm.plant_mprtm])
def test_four_hundred_cases_keep_what_the_layout_promises(layout, seed) -> None:
    cohort = layout(400, seed)
    outcomes = cohort.outcomes
    assert 0.25 <= outcomes.event.mean() <= 0.35
    assert 0.65 < outcomes.true_risk_c <= 0.80
    assert outcomes.time.min() > 0
    for modality in cohort.weights:
        alone = concordance(outcomes.event, outcomes.time, cohort.standardised(modality))
        assert 0.60 <= alone <= 0.70, modality


def test_the_seed_decides_which_modality_weighs_most() -> None:
    drawn = [draw_weights(("slides", "notes", "clinical"), ("volumes",), seed) for seed in range(12)]
    assert {max(weights, key=lambda name: weights[name]) for weights in drawn} == {
        "slides",
        "notes",
        "clinical",
    }
    for weights in drawn:
        assert 1.4 < max(weights.values()) / min(weights.values()) < 2.2


POPULATIONS = {
    "slides": (chimera.draw_tumour, "tumour"),
    "volumes": (chimera.draw_lesion, "lesion"),
    "letters": (chimera.draw_letters, "letters"),
    "clinical": (chimera.draw_clinical, "clinical"),
    "scar": (scar.draw_scar, "scar"),
    "medication": (medication.draw_medication, "medication"),
    "mprtm clinical": (clinical_mprtm.draw_clinical, "clinical"),
}


@pytest.mark.parametrize("name", sorted(POPULATIONS))
def test_readings_are_standardised_over_the_population(name: str) -> None:
    draw, purpose = POPULATIONS[name]
    z = np.array([draw(stream(1, purpose, number)).reading.z for number in range(1500)])
    assert abs(z.mean()) < 0.1  # standard error .026
    assert 0.93 < z.std() < 1.07


def test_the_baseline_gives_the_event_rate_without_looking_at_the_cohort() -> None:
    follow_up = FollowUp(shortest=10.0, longest=50.0, dropout=200.0, shape=1.3, decimals=1)
    scale = baseline_scale(1.1, follow_up)
    rng = stream(3, "check")
    times = weibull_times(1.1 * rng.standard_normal(20_000), scale, follow_up.shape, rng)
    assert (times <= follow_up.draw(20_000, rng)).mean() == pytest.approx(0.30, abs=0.012)


def test_concordance_of_a_toy_by_hand() -> None:
    event = np.array([True, False, True, False])
    time = np.array([1.0, 2.0, 3.0, 4.0])
    # comparable: (0,1) (0,2) (0,3) (2,3); right: (0,1); tied: (0,2); wrong: (0,3); right: (2,3)
    assert concordance(event, time, np.array([2.0, 1.0, 2.0, 2.5])) == pytest.approx((1 + 0.5 + 0 + 0) / 4)
    assert concordance(event, time, np.array([2.0, 1.0, 2.0, 1.5])) == pytest.approx(3.5 / 4)
    assert np.isnan(concordance(np.zeros(4, dtype=bool), time, time))


def test_concordance_agrees_with_scikit_survival() -> None:
    metrics = pytest.importorskip("sksurv.metrics")
    cohort = chimera.plant_chimera(120, 2)
    outcomes = cohort.outcomes
    theirs = metrics.concordance_index_censored(outcomes.event, outcomes.time, cohort.risk)[0]
    # Ties in time between an event and a censored case are comparable there and not here.
    assert outcomes.true_risk_c == pytest.approx(theirs, abs=0.003)


def test_labels_are_nested_and_every_event_has_its_day() -> None:
    seen: set[str] = set()
    for number in range(400):
        readmitted = number % 3 == 0
        labels = draw_labels(readmitted, 40.0 + number, stream(2, "labels", number))
        assert labels["Rehospitalization"] == readmitted
        assert labels["Rehospitalization_days"] == 40 + number
        assert labels["Cardiovascular Death"] <= labels["Death"]
        assert labels["Cardiology Rehospitalization"] <= labels["Rehospitalization"]
        assert labels["Cardiovascular Death"] <= labels["MACCES Event"]
        assert (labels["Cause of Cardiovascular Death"] > 0) == labels["Cardiovascular Death"]
        assert (labels["MACCES Cause"] > 0) == labels["MACCES Event"]
        assert all(
            labels[f"{name}_days"] <= labels["Death_days"] for name in labels if f"{name}_days" in labels
        )
        seen |= {name for name, value in labels.items() if value == 1}
    assert {"Death", "Cardiovascular Death", "MACCES Event", "Cardiology Rehospitalization"} <= seen
