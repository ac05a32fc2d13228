"""MAGGIC: the points table by hand, ranges where items are missing, units, and what the card may say."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from feature_cache.card import CohortCard
from feature_cache.errors import OutcomeError
from fuse.cases import Cases, Modality
from fuse.models.maggic import MaggicScorer, maggic_points
from fuse.models.registry import build_learner
from fuse.outcomes.outcomes import Survival
from fuse.risk_scores import MAGGIC_INPUTS, lacking_items, score_options
from tests.fuse.tiny_cohort import CARD

NAN = math.nan
# age, EF, SBP, BMI, creatinine, NYHA; male, smoker, diabetes, COPD, 18 months, beta blocker, ACEI/ARB
BY_HAND = [
    # 50 y, EF 45, 155 mmHg, BMI 32, 80 umol/L, NYHA I, a woman who takes both drugs: nothing scores
    ([50, 45, 155, 32, 80, 1, 0, 0, 0, 0, 0, 1, 1], 0),
    # 82 y (10) EF 18 (7) 105 mmHg (5) BMI 14 (6) 260 (8) NYHA IV (8) 1+1+3+2+2, neither drug 3+1
    ([82, 18, 105, 14, 260, 4, 1, 1, 1, 1, 1, 0, 0], 57),
    # bounds belong to the next band: 55 y and EF 30 (2 + 3), 110 mmHg (2), BMI 15 (5), 90 (1), NYHA II (2)
    ([55, 30, 110, 15, 90, 2, 0, 0, 0, 0, 0, 1, 1], 15),
    # EF 40: no points of its own, age 80 most (15), 109 mmHg 2; BMI 29.9 (2), 149 (3), NYHA III (6), man (1)
    ([80, 40, 109, 29.9, 149, 3, 1, 0, 0, 0, 0, 1, 1], 29),
    # EF 29.9 is of the lowest row: 69 y 4 + 5, 119 mmHg 4; BMI 25 (2), 170 (5), NYHA I; no beta blocker (3)
    ([69, 29.9, 119, 25, 170, 1, 0, 0, 0, 0, 0, 0, 1], 23),
]


def items_of(rows: list[list[float]]) -> dict[str, np.ndarray]:
    return dict(zip(MAGGIC_INPUTS, np.array(rows, dtype=np.float64).T, strict=True))


@pytest.mark.parametrize(("row", "score"), BY_HAND)
def test_points_by_hand(row: list[float], score: int) -> None:
    points = maggic_points(items_of([row]))
    assert (points.low[0], points.high[0], points.middle[0]) == (score, score, score)


#: Every value that an item can have, one a band.
ALL = {
    "age": (50, 57, 62, 67, 72, 77, 85), "ejection_fraction": (15, 22, 27, 32, 37, 50),
    "systolic_bp": (100, 115, 125, 135, 145, 160), "bmi": (12, 17, 22, 27, 35),
    "creatinine": (80, 100, 120, 140, 160, 190, 230, 300), "nyha": (1, 2, 3, 4),
}  # fmt: skip


@pytest.mark.parametrize(
    "missing",
    [
        ("ejection_fraction",),
        ("age",),
        ("systolic_bp", "ejection_fraction"),
        ("age", "systolic_bp", "ejection_fraction"),
        ("creatinine", "nyha"),
        ("beta_blocker", "diabetes"),
    ],
)
@pytest.mark.parametrize("row", [row for row, _ in BY_HAND])
def test_a_missing_item_may_have_any_of_its_values(row: list[float], missing: tuple[str, ...]) -> None:
    """The range is what filling in every value gives, points that depend on each other together."""
    known = dict(zip(MAGGIC_INPUTS, row, strict=True))
    filled = [
        known | dict(zip(missing, values, strict=True))
        for values in itertools.product(*(ALL.get(name, (0, 1)) for name in missing))
    ]
    every = maggic_points(items_of([list(one.values()) for one in filled])).low
    found = maggic_points(items_of([list((known | dict.fromkeys(missing, NAN)).values())]))
    assert (found.low[0], found.high[0]) == (every.min(), every.max())
    assert found.high[0] > found.low[0]


def test_of_nothing_known_the_range_is_the_whole_score() -> None:
    points = maggic_points(items_of([[NAN] * len(MAGGIC_INPUTS)]))
    assert (points.low[0], points.high[0]) == (0, 57)


COLUMNS = ("EF", "age", "creatinine", "NYHA")
OPTIONS = {"ejection_fraction": "EF", "age": "age", "creatinine": "creatinine", "nyha": "NYHA"}


def scorer_for(values: list[list[float]], **readings: str) -> tuple[MaggicScorer, Cases]:
    modality = Modality(
        name="clinical",
        feature_set="f",
        present=np.isfinite(values).any(axis=1),
        columns=COLUMNS,
        values=np.array(values),
    )
    cases = Cases(case_ids=tuple(map(str, range(len(values)))), modalities={"clinical": modality})
    learner = build_learner("maggic", ("clinical",), {**OPTIONS, **readings})
    outcome = Survival(event=np.zeros(len(cases), dtype=bool), time_days=np.ones(len(cases)))
    scorer = learner.fit(cases, outcome, learner.candidates()[0], 0)
    assert isinstance(scorer, MaggicScorer)
    return scorer, cases


def test_units_and_levels_are_read_as_the_card_declares_them() -> None:
    plain, cases = scorer_for([[25.0, 70.0, 90.0, 3.0], [45.0, 50.0, 80.0, 1.0]])
    low = plain.points(cases.modalities["clinical"]).low
    assert low.tolist() == [5 + 6 + 0 + 1 + 6, 0]
    other, cases = scorer_for(
        [[0.25, 70.0, math.log(90 / 88.42), 2.0], [0.45, 50.0, math.log(80 / 88.42), 0.0]],
        ejection_fraction_unit="1",
        creatinine_unit="mg/dL",
        creatinine_scale="log",
        nyha_levels="I II III IV",
    )
    assert other.points(cases.modalities["clinical"]).low.tolist() == low.tolist()


def test_risk_is_the_centred_middle_and_0_without_values() -> None:
    scorer, cases = scorer_for([[25.0, 70.0, 90.0, 3.0], [45.0, 50.0, 80.0, 1.0], [NAN] * 4])
    points = scorer.points(cases.modalities["clinical"])
    risk = scorer.risk(cases)
    np.testing.assert_allclose(risk[:2], points.middle - points.middle.mean())
    assert risk[2] == 0.0 and risk[0] > risk[1]
    # what nobody has widens every range alike: BMI 6, sex 1, smoking 1, diabetes 3, COPD 2, 2, drugs 3 + 1
    assert (points.high - points.low).tolist() == [5 + 19, 2 + 19]


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"creatinine_unit": "g/L"}, "creatinine"),
        ({"ejection_fraction_unit": "mL"}, "ejection_fraction"),
        ({"nyha_levels": "mild severe"}, "nyha"),
    ],
)
def test_a_unit_that_is_not_known_is_refused(options: dict[str, str], where: str) -> None:
    with pytest.raises(OutcomeError, match=f"model maggic: {where}"):
        build_learner("maggic", ("clinical",), {**OPTIONS, **options})


def test_the_card_gives_columns_units_and_levels_and_names_what_is_missing() -> None:
    card = CohortCard.model_validate(
        CARD
        | {
            "variables": {
                "EF": {"kind": "numeric", "unit": "%"},
                "creatinine": {"kind": "numeric", "unit": "umol/L", "scale": "log"},
                "NYHA": {"kind": "ordinal", "levels": ["1", "2", "3", "4"]},
            },
            "risk_scores": {
                "maggic": {"ejection_fraction": "EF", "creatinine": "creatinine", "nyha": "NYHA"}
            },
        }
    )
    options = dict(score_options("maggic", card))
    assert options["creatinine_scale"] == "log" and options["nyha_levels"] == "1 2 3 4"
    lacking = lacking_items("maggic", options)
    assert len(lacking) == 10 and "beta_blocker" in lacking and "nyha" not in lacking
