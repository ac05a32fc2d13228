"""CAPRA-S: the points table by hand, ranges, and the published cohort of 2010."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest

from feature_cache.errors import OutcomeError
from fuse.cases import Cases, Modality
from fuse.models.capra_s import (
    CapraScorer,
    node_points,
    psa_points,
)
from fuse.models.registry import build_learner
from fuse.outcomes.outcomes import Survival

NAN = math.nan
OPTIONS = {
    "psa": "psa",
    "primary_gleason": "first",
    "secondary_gleason": "second",
    "surgical_margins": "margin",
    "seminal_vesicle_invasion": "svi",
    "extracapsular_extension": "ece",
    "lymph_nodes": "nodes",
}
COLUMNS = ("psa", "first", "second", "margin", "svi", "ece", "nodes")
# psa, Gleason, margin, seminal vesicles, capsule, nodes -> low, high
BY_HAND = [
    ([6.0, 3, 3, 0, 0, 0, 0], 0, 0),
    ([6.1, 3, 4, 0, 0, 0, 0], 2, 2),
    ([10.0, 4, 3, 1, 0, 0, 0], 5, 5),
    ([20.0, 4, 4, 0, 0, 1, 0], 6, 6),
    ([20.1, 5, 4, 1, 1, 1, 1], 12, 12),
    ([4.0, 3, 5, 0, 0, 0, NAN], 3, 3),
    ([4.0, 3, 3, NAN, 0, 0, 0], 0, 2),
    ([NAN, 3, 3, 0, 1, 0, 0], 2, 5),
    ([4.0, 3, NAN, 0, 0, NAN, 0], 0, 4),
    ([NAN, NAN, NAN, NAN, NAN, NAN, NAN], 0, 11),
]


def clinical(values: np.ndarray, present: np.ndarray | None = None) -> Cases:
    there = np.ones(len(values), dtype=bool) if present is None else present
    modality = Modality(name="clinical", feature_set="f", present=there, columns=COLUMNS, values=values)
    return Cases(case_ids=tuple(map(str, range(len(values)))), modalities={"clinical": modality})


def scorer_for(cases: Cases, **options: str) -> CapraScorer:
    learner = build_learner("capra_s", ("clinical",), {**OPTIONS, **options})
    outcome = Survival(event=np.zeros(len(cases), dtype=bool), time_days=np.ones(len(cases)))
    scorer = learner.fit(cases, outcome, learner.candidates()[0], 0)
    assert isinstance(scorer, CapraScorer)
    return scorer


def test_by_hand():
    cases = clinical(np.array([values for values, _, _ in BY_HAND]))
    points = scorer_for(cases).points(cases.modalities["clinical"])
    assert points.low.tolist() == [low for _, low, _ in BY_HAND]
    assert points.high.tolist() == [high for _, _, high in BY_HAND]


def test_risk_is_the_middle_centred_and_zero_without_clinical_values():
    values = np.array([values for values, _, _ in BY_HAND])
    present = np.ones(len(values), dtype=bool)
    present[0] = False
    values[0] = np.nan
    cases = clinical(values, present)

    risk = scorer_for(cases).risk(cases)

    middle = np.array([(low + high) / 2 for _, low, high in BY_HAND])
    assert risk[0] == 0.0
    assert risk[1:] == pytest.approx(middle[1:] - middle[1:].mean())


def test_psa_on_its_log_scale_gives_the_same_points():
    values = np.array([values for values, _, _ in BY_HAND])
    logged = values.copy()
    logged[:, 0] = np.log(values[:, 0])
    expected = scorer_for(clinical(values)).points(clinical(values).modalities["clinical"])
    cases = clinical(logged)
    points = scorer_for(cases, psa_scale="log").points(cases.modalities["clinical"])
    assert points.low.tolist() == expected.low.tolist()


def test_refusals():
    lacking = {name: title for name, title in OPTIONS.items() if name != "surgical_margins"}
    with pytest.raises(OutcomeError, match="got none for surgical_margins"):
        build_learner("capra_s", ("clinical",), lacking)
    cases = clinical(np.array([BY_HAND[0][0]]))
    with pytest.raises(OutcomeError, match=r"expected columns among: psa, first.*; got psa_ng_ml"):
        scorer_for(cases, psa="psa_ng_ml")
    with pytest.raises(OutcomeError, match="got log10"):
        scorer_for(cases, psa_scale="log10")


def test_taylor_2010(shared_data):
    """C .813 on the 178 cases with every input, 43 recurrences."""
    from sksurv.metrics import concordance_index_censored

    path = shared_data / "tables" / "taylor2010_mskcc" / "STable1.csv"
    if not path.is_file():
        pytest.skip("the table of Taylor 2010 is not here")
    with path.open(encoding="latin-1", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["Type"] == "PRIMARY"]

    def number(column: str) -> np.ndarray:
        return np.array([NAN if row[column] == "NA" else float(row[column]) for row in rows])

    def finding(column: str, positive: set[str]) -> np.ndarray:
        return np.array([NAN if row[column] == "NA" else float(row[column] in positive) for row in rows])

    cases = clinical(
        np.column_stack(
            [
                number("PreDxBxPSA"),
                number("PathGG1"),
                number("PathGG2"),
                finding("SMS", {"Positive"}),
                finding("SVI", {"Positive"}),
                finding("ECE", {"ESTABLISHED", "FOCAL"}),
                finding("LNI", {"Abnormal_N1"}),
            ]
        )
    )
    event = np.array([row["BCR_Event"] == "BCR_Algorithm" for row in rows])
    points = scorer_for(cases).points(cases.modalities["clinical"])
    known = points.low == points.high

    assert (known.sum(), event[known].sum()) == (178, 43)
    months = number("BCR_FreeTime")
    c_index = concordance_index_censored(event[known], months[known], points.middle[known])[0]
    assert c_index == pytest.approx(0.813, abs=0.0005)


def test_points_are_zero_to_three_for_psa_and_one_for_nodes():
    assert psa_points(np.array([0.1, 6, 6.01, 10, 10.01, 20, 20.01])).low.tolist() == [0, 0, 1, 1, 2, 2, 3]
    assert node_points(np.array([0, 1, 3, NAN])).high.tolist() == [0, 1, 1, 0]
