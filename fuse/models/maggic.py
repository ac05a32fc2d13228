"""MAGGIC: the published integer score for death in heart failure, with no parameter to fit.

Enters: up to thirteen clinical columns, under the names that the card gives. Leaves: the score, 0 to 57 (the
published chart of risks ends at 50), as a range: an item that is not known, of a case or of the whole cohort,
may take any of its values, so the score lies between a low and a high end and the risk is their middle. It is
never counted as 0 points. Points of age and blood pressure depend on the ejection fraction: where that is
missing, the range is over all it may be.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from feature_cache.errors import OutcomeError
from fuse.cases import Cases, Modality
from fuse.models.card import ModelCard, Options
from fuse.models.learner import Learner, Scorer, Setting
from fuse.models.published_score import PublishedScorer, centre
from fuse.outcomes.outcomes import Survival
from fuse.risk_scores import MAGGIC_INPUTS

Values = Float[np.ndarray, " case"]

#: Upper bounds of the bands (a value of the bound itself is of the next), and the points of each band.
EJECTION_FRACTION = ((20.0, 25.0, 30.0, 35.0, 40.0), (7, 6, 5, 3, 2, 0))
#: Which row of the tables of age and blood pressure each band of ejection fraction has: < 30, 30-39, >= 40 %.
ROW_OF_BAND = np.array([0, 0, 0, 1, 1, 2])
AGE = ((55.0, 60.0, 65.0, 70.0, 75.0, 80.0),
       ((0, 1, 2, 4, 6, 8, 10), (0, 2, 4, 6, 8, 10, 13), (0, 3, 5, 7, 9, 12, 15)))  # fmt: skip
SYSTOLIC_BP = ((110.0, 120.0, 130.0, 140.0, 150.0),
               ((5, 4, 3, 2, 1, 0), (3, 2, 1, 1, 0, 0), (2, 1, 1, 0, 0, 0)))  # fmt: skip
BMI = ((15.0, 20.0, 25.0, 30.0), (6, 5, 3, 2, 0))
CREATININE = ((90.0, 110.0, 130.0, 150.0, 170.0, 210.0, 250.0), (0, 1, 2, 3, 4, 5, 6, 8))
NYHA = ((1.5, 2.5, 3.5), (0, 2, 6, 8))
#: Points of a yes; of the two drugs those of a no.
YES = {"male": 1, "current_smoker": 1, "diabetes": 3, "copd": 2, "diagnosed_18_months_ago": 2}
NO = {"beta_blocker": 3, "acei_or_arb": 1}

#: umol/L of one mg/dL of creatinine.
UMOL_PER_MG_DL = 88.42
_CREATININE_UNITS = {"umol/L": 1.0, "mg/dL": UMOL_PER_MG_DL}
_FRACTION_UNITS = {"%": 1.0, "1": 100.0}
_CLASSES = {"1": 1.0, "2": 2.0, "3": 3.0, "4": 4.0, "I": 1.0, "II": 2.0, "III": 3.0, "IV": 4.0}
#: What tells how a column is to be read, beside the names of the columns.
READINGS = ("creatinine_scale", "creatinine_unit", "ejection_fraction_unit", "nyha_levels")


@dataclass(frozen=True, kw_only=True)
class MaggicRange:
    """The least and the most that the score of each case can be; equal where all items are known."""

    low: Values
    high: Values

    @property
    def middle(self) -> Values:
        """Return the middle of the range, which is what cases are ranked by."""
        return np.asarray((self.low + self.high) / 2)


def maggic_points(items: dict[str, Values]) -> MaggicRange:
    """Return the score of each case.

    Parameters
    ----------
    items
        Every name of `MAGGIC_INPUTS` -> (case,), NaN where it is not known: age (years), ejection_fraction
        (%), systolic_bp (mmHg), bmi (kg/m2), creatinine (umol/L), nyha (1 to 4), and yes (1) or no (0) of
        male, current_smoker, diabetes, copd, diagnosed_18_months_ago, beta_blocker, acei_or_arb.
    """
    low, high = _by_ejection_fraction(items)
    for name, (cuts, points) in {"bmi": BMI, "creatinine": CREATININE, "nyha": NYHA}.items():
        reached = np.where(_possible(items[name], cuts), np.array(points, dtype=np.float64), np.nan)
        low, high = low + np.nanmin(reached, axis=1), high + np.nanmax(reached, axis=1)
    for name, worth in (YES | NO).items():
        missing = np.isnan(items[name])
        counts = items[name] > 0 if name in YES else items[name] <= 0
        own = np.where(counts, float(worth), 0.0)
        low, high = low + np.where(missing, 0.0, own), high + np.where(missing, float(worth), own)
    return MaggicRange(low=low, high=high)


def _possible(values: Values, cuts: tuple[float, ...]) -> Bool[np.ndarray, "case band"]:
    """Return in which bands each value may lie: in one, or in any where it is missing."""
    band = np.digitize(values, cuts)
    return np.asarray(np.isnan(values)[:, None] | (band[:, None] == np.arange(len(cuts) + 1)[None, :]))


def _by_ejection_fraction(items: dict[str, Values]) -> tuple[Values, Values]:
    """Return the least and the most points of ejection fraction, age and blood pressure together."""
    cuts, points = EJECTION_FRACTION
    ends = []
    for extreme in (np.nanmin, np.nanmax):
        total = np.broadcast_to(np.array(points, dtype=np.float64), (len(items["age"]), len(points))).copy()
        for name, (own_cuts, rows) in {"age": AGE, "systolic_bp": SYSTOLIC_BP}.items():
            table = np.array(rows, dtype=np.float64)
            reached = np.where(_possible(items[name], own_cuts)[:, None, :], table[None], np.nan)
            total += extreme(reached, axis=2)[:, ROW_OF_BAND]
        ends.append(extreme(np.where(_possible(items["ejection_fraction"], cuts), total, np.nan), axis=1))
    return ends[0], ends[1]


@dataclass(frozen=True, kw_only=True)
class MaggicScorer(PublishedScorer):
    """The score minus its mean in the train part; `readings` says how columns are read."""

    readings: dict[str, str]

    def points(self, modality: Modality) -> MaggicRange:
        """Return the range of the score for each case that has the modality."""
        rows = modality.present
        items = {name: np.full(int(rows.sum()), np.nan) for name in MAGGIC_INPUTS}
        for name, title in self.columns.items():
            items[name] = self._read(name, modality.values[rows, modality.columns.index(title)])
        return maggic_points(items)

    def _read(self, name: str, values: Values) -> Values:
        if name == "creatinine":
            plain = np.exp(values) if self.readings["creatinine_scale"] == "log" else values
            # rounded, so that 90 is still 90 after the way through its logarithm and its unit
            return np.round(plain * _CREATININE_UNITS[self.readings["creatinine_unit"]], 6)
        if name == "ejection_fraction":
            return np.asarray(values * _FRACTION_UNITS[self.readings["ejection_fraction_unit"]])
        if name == "nyha" and self.readings["nyha_levels"]:
            classes = np.array([_CLASSES[level] for level in self.readings["nyha_levels"].split()])
            known = ~np.isnan(values)
            return np.where(known, classes[np.where(known, values, 0).astype(np.int64)], np.nan)
        return values


class Maggic(Learner):
    """The score as an arm: the train part gives only the mean that it is centred by."""

    name = "maggic"

    def __init__(self, modalities: tuple[str, ...], options: Options) -> None:
        self.modalities = modalities
        told = {name: str(value) for name, value in options.items()}
        defaults = {"creatinine_scale": "linear", "creatinine_unit": "umol/L", "ejection_fraction_unit": "%"}
        self.readings = {name: told.pop(name, defaults.get(name, "")) for name in READINGS}
        self.columns = told
        self._check_readings()

    def fit_path(
        self, cases: Cases, outcome: Survival, settings: tuple[Setting, ...], seed: int
    ) -> tuple[Scorer, ...]:
        """Centre the score on the train cases that have clinical values; outcomes are not looked at."""
        plain = MaggicScorer(modality=self.modalities[0], columns=self.columns, readings=self.readings)
        scorer = centre(plain, cases, self.name)
        return tuple(scorer for _ in settings)

    def _check_readings(self) -> None:
        unknown = sorted(set(self.columns) - set(MAGGIC_INPUTS))
        levels = self.readings["nyha_levels"].split()
        wrong = {
            "items": (f"among: {', '.join(MAGGIC_INPUTS)}", ", ".join(unknown)),
            "creatinine": ("in umol/L or mg/dL", self.readings["creatinine_unit"]),
            "ejection_fraction": ("in % (or 1, a fraction)", self.readings["ejection_fraction_unit"]),
            "nyha": ("with levels 1 to 4 or I to IV", " ".join(levels)),
        }
        fine = {
            "items": not unknown,
            "creatinine": self.readings["creatinine_unit"] in _CREATININE_UNITS,
            "ejection_fraction": self.readings["ejection_fraction_unit"] in _FRACTION_UNITS,
            "nyha": set(levels) <= _CLASSES.keys(),
        }
        for name, right in fine.items():
            if not right and (name == "items" or name in self.columns):
                raise OutcomeError(
                    f"model maggic: {name}",
                    expected=wrong[name][0],
                    got=wrong[name][1] or "none",
                    remedy="Mend risk_scores.maggic in cohort.yaml, or the unit of its variable.",
                )


CARD = ModelCard(
    name="maggic",
    title="MAGGIC (published score)",
    reads="values",
    modalities="one",
    needs=(),
    source="Pocock, Ariti, McMurray et al. 2013, European Heart Journal 34:1404",
    options=(*MAGGIC_INPUTS, *READINGS),
    build=Maggic,
    late_entry=True,
)
